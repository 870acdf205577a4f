"""Versions of Keras, its backend, NumPy and Python."""

from __future__ import annotations

import re
from typing import Any

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recipe import Facts
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.backend import same_backend
from whydiff.diagnosis.sources.facts import compare_facts
from whydiff.diagnosis.sources.source import Source, differs

ID = "version"
FIX = "Install the same versions in both environments (pip freeze, a lock file)."


def compare(a: Side, b: Side) -> Finding:
    """Compare versions; of other backends only the packages that both have."""
    one, two = a.recipe.version, b.recipe.version
    if not same_backend(a.recipe, b.recipe):
        shared = [k for k in one if k in two]
        one, two = {k: one[k] for k in shared}, {k: two[k] for k in shared}
    finding = compare_facts(ID, one, two, FIX, what="versions", first=("keras",))
    if finding.status == DIFFERS:
        return differs(ID, finding.evidence, FIX, mechanism=_mechanism(one, two))
    return finding


def _mechanism(one: Facts, two: Facts) -> str:
    if _crosses(one.get("jax"), two.get("jax"), (0, 5)):
        return "jax-threefry-partitionable"
    if _crosses(one.get("keras"), two.get("keras"), (3, 15)):
        return "keras-fans-3-15"
    return ""


def _crosses(one: Any, two: Any, border: tuple[int, ...]) -> bool:
    if not one or not two:
        return False
    return (_numbers(one) < border) != (_numbers(two) < border)


def _numbers(version: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", str(version))[:3])


SOURCE = Source(
    id=ID,
    title="the versions of the libraries",
    random=False,
    kind="environment",
    compare=compare,
    says="The versions of Keras, its backend, NumPy and Python.",
    carried=(
        "Only with another process that has the other versions, and together with the "
        "hardware. Between recordings of two machines nothing can be trained again: `whydiff "
        "diff` reports it."
    ),
    looks_like="The same script gives other numbers on another machine or after an upgrade.",
    fix=FIX,
)
