"""THE CATALOGUE: one file per source of difference, pure; add a source by adding a file here.

A source's ``compare`` takes two sides of plain data and returns a
:class:`~whydiff.core.findings.Finding`. Nothing here imports Keras or trains anything.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from whydiff.core.findings import Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.sources import (
    architecture,
    arithmetic,
    backend,
    batch_size,
    data_content,
    data_order,
    duration,
    hardware,
    initialization,
    measurement,
    mode,
    noise,
    objective,
    optimizer,
    precision,
    state,
    version,
)
from whydiff.diagnosis.sources.floatx import with_followers
from whydiff.diagnosis.sources.own_code import compare_across_pythons
from whydiff.diagnosis.sources.source import Source

__all__ = ["CATALOGUE", "Source", "compare_all", "source"]

_ALONE = (
    initialization.SOURCE,
    data_order.SOURCE,
    noise.SOURCE,
    data_content.SOURCE,
    batch_size.SOURCE,
    optimizer.SOURCE,
    objective.SOURCE,
    architecture.SOURCE,
    mode.SOURCE,
    state.SOURCE,
    duration.SOURCE,
    precision.SOURCE,
    measurement.SOURCE,
    backend.SOURCE,
    version.SOURCE,
    hardware.SOURCE,
)
_OTHERS = tuple(
    replace(one, compare=functools.partial(compare_across_pythons, one.compare)) for one in _ALONE
)

#: Every source, in the order of ``whydiff.core.recipe.SOURCE_IDS``.
CATALOGUE: tuple[Source, ...] = (*_OTHERS, arithmetic.source_beside(_OTHERS))

_BY_ID = {s.id: s for s in CATALOGUE}


def source(id: str) -> Source:
    """The source of that id; KeyError, naming the known ids, if there is none."""
    if id not in _BY_ID:
        raise KeyError(f"no source {id!r}; there are {', '.join(_BY_ID)}")
    return _BY_ID[id]


def compare_all(a: Side, b: Side) -> tuple[Finding, ...]:
    """One finding per source, in the order of the catalogue."""
    found = [s.compare(a, b) for s in _OTHERS]
    found = with_followers(found, a, b)
    return (*found, arithmetic.judge(a, b, found))
