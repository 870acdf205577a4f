"""How a difference grows step by step: rounding that stays, rounding amplified, or no rounding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from whydiff.stats.distances import relative_weight_distance
from whydiff.stats.ulp import SHOWS

#: Beyond this two trainings are as far apart as they get, and the distance grows no more.
SATURATED = 0.1
#: Fewer steps with a difference than this bear no rate of growth.
FEWEST = 5

NONE, STAYS, AMPLIFIED, REAL = "none", "rounding", "amplified rounding", "real difference"


class Growth(NamedTuple):
    """``distances``: relative distance of all weights after each step, from the split on.

    ``kind`` is one of "none", "rounding", "amplified rounding", "real difference". ``rate`` is
    the factor per step by which the distance grows (1: it does not), from a straight line through
    its logarithm, with the 95 % interval ``low`` to ``high`` (ordinary least squares; steps are
    not independent, so it is rather too narrow). Over the ``n`` steps that differ before the
    distance first exceeds a tenth, where it saturates; None where these are fewer than five.
    """

    kind: str
    distances: tuple[float, ...]
    rate: float | None
    low: float | None
    high: float | None
    n: int


def growth(
    a: Sequence[Mapping[str, np.ndarray]],
    b: Sequence[Mapping[str, np.ndarray]],
    rounded: bool,
) -> Growth:
    """Growth between two trails of weights by canonical path, one mapping per step.

    ``rounded`` says that what goes into the first of these steps, and what comes out of it from
    equal inputs, is no further apart than rounding (see :func:`is_rounding`); otherwise the
    difference is real from the start on.
    """
    distances = tuple(_distance(x, y) for x, y in zip(a, b, strict=False))
    rate = low = high = None
    far = next((i for i, d in enumerate(distances) if d > SATURATED), len(distances))
    where = [i for i, d in enumerate(distances[:far]) if d > 0.0]
    if len(where) >= FEWEST:
        rate, low, high = _rate(where, [distances[i] for i in where])
    last = max(distances, default=0.0)
    if not any(distances):
        kind = NONE
    elif not rounded:
        kind = REAL
    elif last >= SHOWS:
        kind = AMPLIFIED
    else:
        kind = STAYS
    return Growth(kind, distances, rate, low, high, len(where))


def _distance(x: Mapping[str, np.ndarray], y: Mapping[str, np.ndarray]) -> float:
    common = [name for name in x if name in y and x[name].shape == y[name].shape]
    if not common:
        return math.inf
    return relative_weight_distance({n: x[n] for n in common}, {n: y[n] for n in common})


def _rate(steps: Sequence[int], distances: Sequence[float]) -> tuple[float, float, float]:
    from scipy.stats import t

    x, y = np.asarray(steps, np.float64), np.log(np.asarray(distances))
    centered = x - x.mean()
    spread = float(centered @ centered)
    slope = float(centered @ (y - y.mean())) / spread
    rest = y - y.mean() - slope * centered
    error = math.sqrt(float(rest @ rest) / (len(x) - 2) / spread)
    margin = float(t.ppf(0.975, len(x) - 2)) * error
    return math.exp(slope), math.exp(slope - margin), math.exp(slope + margin)
