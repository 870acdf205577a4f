"""Means that a script takes over what evaluate or a metric function gave of one batch each.

``print(np.mean([model.test_on_batch(x, y)[1] for x, y in batches]))`` counts a small last batch as
much as a full one.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.recorder.measuring.formulas import printed_values
from whydiff.recorder.measuring.formulas.frames import names_in, parsed


class Mean(NamedTuple):
    """A number that a script prints: the mean of a metric over these calls of evaluate, or over
    these scores."""

    calls: tuple[int, ...]
    metric: str
    value: float


def printed_means(frame: Any, calls: Mapping[int, MeasuringCall]) -> Iterator[Mean]:
    """The means over ``calls`` of evaluate, or over scores, among what a frame of the script has
    just printed."""
    groups = [group for group in _by_line(calls) if len(group) > 1]
    module = parsed(frame.f_code.co_filename) if groups else None
    if module is None:
        return
    measured = [
        (
            tuple(call.number for call in group),
            metric,
            [c.values.get(metric, math.nan) for c in group],
        )
        for group in groups
        for metric in group[-1].values
    ]
    for value in printed_values(frame, module, names_in(frame)):
        for numbers, metric, given in measured:
            if len(set(given)) > 1 and math.isclose(value, np.mean(given), rel_tol=1e-6):
                yield Mean(numbers, metric, value)


def _by_line(calls: Mapping[int, MeasuringCall]) -> list[list[MeasuringCall]]:
    """Calls of one line, model and weights, or scores of one function."""
    groups: dict[tuple[Any, ...], list[MeasuringCall]] = {}
    for call in calls.values():
        with contextlib.suppress(TypeError):
            weights = tuple(tensor.digest for tensor in call.recipe.weights)
            what = call.score.function if call.score else ""
            groups.setdefault((call.stack, call.model_number, weights, what), []).append(call)
    return list(groups.values())
