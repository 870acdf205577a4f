"""The trajectories of two trainings: losses and the distance of the weights, step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from whydiff.core.trajectory import Trajectory
from whydiff.diagnosis.moments import Moments
from whydiff.diagnosis.trials import Trials
from whydiff.stats.distances import relative_weight_distance


def trajectory(trials: Trials) -> dict[str, Any] | None:
    """Columns by moment of A and B trained again; None where that gave others than A and B."""
    if trials.moments is None or not (trials.reproduces_a() and trials.reproduces_b()):
        return None
    a, b = trials.looked.get("a"), trials.looked.get("b")
    return None if a is None or b is None else trace(trials.moments, a, b)


def trace(moments: Moments, a: Trajectory, b: Trajectory) -> dict[str, Any]:
    """Columns of equal length: ``x``, ``epoch``, losses of ``a`` and ``b``, ``distance``.

    The distance is that of :func:`relative_weight_distance`; None where it was not measured. 0.0
    means equal numbers. ``divergence`` is the place on ``x``.
    """
    columns: dict[str, list[float | None]] = {"a": [], "b": [], "distance": []}
    for one, other in zip(moments.a, moments.b, strict=True):
        columns["a"].append(a.loss(one))
        columns["b"].append(b.loss(other))
        columns["distance"].append(_distance(a.weights(one), b.weights(other)))
    return {
        "unit": moments.unit,
        "x": list(moments.x),
        "epoch": [
            next((m[0] for m in pair if m is not None), -1)
            for pair in zip(moments.a, moments.b, strict=True)
        ],
        **columns,
        "divergence": moments.divergence,
    }


def _distance(
    one: Mapping[str, np.ndarray] | None, other: Mapping[str, np.ndarray] | None
) -> float | None:
    if one is None or other is None:
        return None
    distance = relative_weight_distance(one, other)
    return distance if math.isfinite(distance) else None
