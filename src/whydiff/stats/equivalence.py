"""Whether two groups of trainings agree, apart from what reseeding does to each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from whydiff.stats import unseen

EQUAL, DIFFERENT, INCONCLUSIVE = "equal", "different", "inconclusive"

#: The margin where none is given, in standard deviations of one reseeded training.
DEVIATIONS = 1.0
#: Trainings of each group beyond which no number of them is looked for.
_TOO_MANY = 10_000


class Equivalence(NamedTuple):
    """``difference`` of the means, B - A, with its ``1 - alpha`` interval and both n.

    ``margin`` is in the unit of the metric. ``needed`` is the number of trainings in each group
    with which means that are equal are found to be so in 90 % of cases, given the spread seen;
    None if that cannot be said. ``note`` says what is unusual.
    """

    verdict: str
    difference: float
    interval: tuple[float, float]
    n: tuple[int, int]
    margin: float
    needed: int | None = None
    note: str = ""


def equivalence(
    a: Sequence[float],
    b: Sequence[float],
    margin: float | None = None,
    deviations: float = DEVIATIONS,
    alpha: float = 0.05,
    *,
    needed: bool = True,
) -> Equivalence:
    """Are the means of two independent groups closer than a margin?

    With ``margin`` (in the unit of the values): two one-sided Welch tests (Schuirmann 1987).
    Without: the margin is ``deviations`` standard deviations of one reseeded training, tested
    exactly although that deviation is estimated from the same values (Wellek 2010, section 6.1:
    a noncentral F). "equal" and "different" each have a false positive rate of at most
    ``alpha`` where the true difference is the margin; between them lies "inconclusive". Assumes
    normal values. Fewer than 2 values in a group, or any that is not finite: "inconclusive".
    Without ``needed`` the number of trainings that would do is not looked for.

    Values that are all the same have no spread to test with. Then groups are "equal" only after
    so many trainings that another value may come in 5 % of them at most, and "different" if they
    lie beyond the margin and no other split of the values into groups sets them so far apart
    (Fisher's permutation test).
    """
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    n = (len(x), len(y))
    if min(n) < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return Equivalence(INCONCLUSIVE, math.nan, (-math.inf, math.inf), n, margin or math.nan)
    difference = float(y.mean() - x.mean())
    if unseen.constant(x) and unseen.constant(y):
        return _without_spread(n, difference, margin or 0.0, alpha, float(np.max(np.abs(x))))
    if margin is None:
        found, relative = _standardised(x, y, difference, deviations, alpha), deviations
    else:
        found, relative = _welch(x, y, difference, margin, alpha), margin / _pooled(x, y)
    return found._replace(needed=trainings_needed(relative, alpha)) if needed else found


def trainings_needed(deviations: float, alpha: float = 0.05, power: float = 0.9) -> int | None:
    """Trainings in each group with which equal means are found equal with probability ``power``.

    ``deviations`` is the margin in standard deviations of one training: 23 for 1, 88 for half of
    one. None if it takes more than 10,000.
    """
    from scipy import stats

    if not deviations > 0:
        return None

    def enough(n: int) -> bool:
        freedom = 2 * n - 2
        limit = float(stats.ncf.ppf(alpha, 1, freedom, deviations**2 * n / 2))
        return float(stats.f.cdf(limit, 1, freedom)) >= power

    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
        if low > _TOO_MANY:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high if high <= _TOO_MANY else None


def _without_spread(
    n: tuple[int, int], difference: float, margin: float, alpha: float, size: float
) -> Equivalence:
    needed = unseen.runs_for(confidence=1 - alpha)
    apart = abs(difference) > margin + 2.0**-22 * size
    verdict = INCONCLUSIVE
    if apart and 2 / math.comb(sum(n), n[0]) <= alpha:
        verdict = DIFFERENT
    elif not apart and min(n) >= needed:
        verdict = EQUAL
    note = unseen.said(min(n), "training", 1 - alpha)
    unbounded = (-math.inf, math.inf)
    return Equivalence(verdict, difference, unbounded, n, margin, None if apart else needed, note)


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
    pooled = _pooled(x, y)
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


def _pooled(x: np.ndarray, y: np.ndarray) -> float:
    """The standard deviation of one training, that of both groups taken as the same."""
    squares = (len(x) - 1) * x.var(ddof=1) + (len(y) - 1) * y.var(ddof=1)
    return math.sqrt(squares / (len(x) + len(y) - 2))
