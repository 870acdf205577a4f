"""Whether two groups of trainings agree, apart from what reseeding does to each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

EQUAL, DIFFERENT, INCONCLUSIVE = "equal", "different", "inconclusive"


class Equivalence(NamedTuple):
    """``difference`` of the means, B - A, with its ``1 - alpha`` interval and both n.

    ``margin`` is in the unit of the metric.
    """

    verdict: str
    difference: float
    interval: tuple[float, float]
    n: tuple[int, int]
    margin: float


def equivalence(
    a: Sequence[float],
    b: Sequence[float],
    margin: float | None = None,
    deviations: float = 2.0,
    alpha: float = 0.05,
) -> Equivalence:
    """Are the means of two independent groups closer than a margin?

    With ``margin`` (in the unit of the values): two one-sided Welch tests (Schuirmann 1987).
    Without: the margin is ``deviations`` standard deviations of one reseeded training, tested
    exactly although that deviation is estimated from the same values (Wellek 2010, section 6.1:
    a noncentral F). "equal" and "different" each have a false positive rate of at most
    ``alpha`` where the true difference is the margin; between them lies "inconclusive". Assumes
    normal values. Fewer than 2 values in a group, or any that is not finite: "inconclusive".
    """
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    n = (len(x), len(y))
    if min(n) < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return Equivalence(INCONCLUSIVE, math.nan, (-math.inf, math.inf), n, margin or math.nan)
    difference = float(y.mean() - x.mean())
    if x.std() == y.std() == 0.0:  # every replica the same: nothing is left to chance
        same = abs(difference) <= (margin or 0.0)
        interval = (difference, difference)
        return Equivalence(EQUAL if same else DIFFERENT, difference, interval, n, margin or 0.0)
    if margin is None:
        return _standardised(x, y, difference, deviations, alpha)
    return _welch(x, y, difference, margin, alpha)


def _welch(
    x: np.ndarray, y: np.ndarray, difference: float, margin: float, alpha: float
) -> Equivalence:
    from scipy import stats

    parts = [v.var(ddof=1) / len(v) for v in (x, y)]
    error = math.sqrt(sum(parts))
    freedom = sum(parts) ** 2 / sum(
        p * p / (len(v) - 1) for p, v in zip(parts, (x, y), strict=True)
    )
    one_sided = float(stats.t.ppf(1 - alpha, freedom)) * error
    half = float(stats.t.ppf(1 - alpha / 2, freedom)) * error
    verdict = INCONCLUSIVE
    if abs(difference) + one_sided < margin:
        verdict = EQUAL
    elif abs(difference) - one_sided > margin:
        verdict = DIFFERENT
    interval = (difference - half, difference + half)
    return Equivalence(verdict, difference, interval, (len(x), len(y)), margin)


def _standardised(
    x: np.ndarray, y: np.ndarray, difference: float, deviations: float, alpha: float
) -> Equivalence:
    from scipy import stats

    n, m = len(x), len(y)
    freedom = n + m - 2
    pooled = math.sqrt(((n - 1) * x.var(ddof=1) + (m - 1) * y.var(ddof=1)) / freedom)
    error = pooled * math.sqrt(1 / n + 1 / m)
    noncentral = deviations**2 * n * m / (n + m)
    squared = (difference / error) ** 2
    verdict = INCONCLUSIVE
    if squared < stats.ncf.ppf(alpha, 1, freedom, noncentral):
        verdict = EQUAL
    elif squared > stats.ncf.ppf(1 - alpha, 1, freedom, noncentral):
        verdict = DIFFERENT
    half = float(stats.t.ppf(1 - alpha / 2, freedom)) * error
    interval = (difference - half, difference + half)
    return Equivalence(verdict, difference, interval, (n, m), deviations * pooled)
