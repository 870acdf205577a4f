"""Two ways of training compared at a number of pairs that was fixed beforehand.

``a`` and ``b`` hold one number per seed, equal positions being equal seeds. For looks after
every pair use :mod:`whydiff.stats.sequential`: a t test looked at after every pair calls two
equal trainings different in a quarter of the cases by 30 pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from whydiff.core.estimate import Estimate, unknown
from whydiff.stats import intervals, quantiles, unseen

BETTER, WORSE, EQUIVALENT, INCONCLUSIVE = "better", "worse", "equivalent", "inconclusive"

#: Up to this many pairs all sign flips are counted, beyond it so many are drawn.
MOST_EXACT = 16
DRAWN = 10_000
#: Pairs below which P(B > A) has no interval.
FEWEST_FOR_PROBABILITY = 3


def complete_pairs(a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray, int]:
    """The pairs in which both numbers are finite, and how many others there were."""
    x, y = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    if x.shape != y.shape:
        raise ValueError(f"{x.size} and {y.size} numbers do not pair")
    kept = np.isfinite(x) & np.isfinite(y)
    return x[kept], y[kept], int(np.sum(~kept))


def shift(
    a: ArrayLike,
    b: ArrayLike,
    confidence: float = 0.95,
    *,
    bounds: unseen.Bounds | None = None,
) -> Estimate:
    """Mean of b - a with the paired t interval; ``bounds`` are those of a run.

    Differences that are all equal, to the precision of 32-bit numbers, have no variance to go by:
    see :func:`whydiff.stats.intervals.mean`.
    """
    x, y, left_out = complete_pairs(a, b)
    width = None if bounds is None else bounds[1] - bounds[0]
    found = intervals.mean(
        y - x,
        confidence,
        bounds=None if width is None else (-width, width),
        resolution=2.0**-21 * float(np.max(np.abs([x, y]), initial=0.0)),
    )
    note = found.note.replace("runs", "pairs").replace("one run", "one pair")
    return Estimate(found.value, found.low, found.high, found.n, confidence, left_out, note)


def sign_flip(differences: ArrayLike, rng: np.random.Generator) -> float:
    """Two-sided p of the mean under flips of the signs, exact up to 16 pairs.

    Holds for any distribution of differences that is symmetric around 0, as it is where A and B
    are alike (R. A. Fisher, "The Design of Experiments", 1935). NaN for no pairs; never below
    2 ** (1 - n).
    """
    d, _ = intervals.finite(differences)
    n = d.size
    if n == 0:
        return math.nan
    observed = abs(float(d.sum()))
    tolerance = 1e-9 * float(np.abs(d).sum())
    if n <= MOST_EXACT:  # flipping all signs changes nothing: the first one may stay
        sums = np.array([d[0]])
        for each in d[1:]:
            sums = np.concatenate([sums + each, sums - each])
        return float(np.mean(np.abs(sums) >= observed - tolerance))
    signs = rng.choice([-1.0, 1.0], size=(DRAWN, n))
    as_large = int(np.sum(np.abs(signs @ d) >= observed - tolerance))
    return (1 + as_large) / (1 + len(signs))


def probability(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Estimate:
    """P(B > A) + P(B = A) / 2 for runs of independent seeds, with a Brunner-Munzel interval.

    The relative effect of E. Brunner and U. Munzel (Biometrical Journal 42, 2000), with the
    variance for matched pairs (U. Munzel, Biometrical Journal 41, 1999), on the logit scale so
    that it stays within 0 and 1. Where every run of one lies above every run of the other the
    variance is 0; the interval then ends at the exact bound for n of n pairs. Two pairs have no
    interval: theirs would cover some 85 %.
    """
    x, y, left_out = complete_pairs(a, b)
    n = x.size
    if n == 0:
        return unknown(0, "no complete pairs", confidence, left_out)
    above = (y[:, None] > x[None, :]) + 0.5 * (y[:, None] == x[None, :])
    value = float(above.mean())
    if n < FEWEST_FOR_PROBABILITY:
        note = f"an interval takes {FEWEST_FOR_PROBABILITY} pairs or more"
        return Estimate(value, 0.0, 1.0, n, confidence, left_out, note)
    placements = above.mean(axis=1) + above.mean(axis=0)
    error = math.sqrt(float(np.var(placements, ddof=1)) / n)
    if value in (0.0, 1.0) or error == 0:
        return _without_spread(value, n, confidence, left_out)
    logit = math.log(value / (1 - value))
    half = quantiles.student(n - 1, confidence) * error / (value * (1 - value))
    low, high = (1 / (1 + math.exp(-min(max(z, -700), 700))) for z in (logit - half, logit + half))
    return Estimate(value, low, high, n, confidence, left_out)


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests at a margin. ``interval`` has confidence 1 - 2 alpha."""

    equivalent: bool
    p: float
    interval: Estimate
    margin: float


def equivalence(a: ArrayLike, b: ArrayLike, margin: float, alpha: float = 0.05) -> Equivalence:
    """Whether the mean of b - a lies within the margin (D. J. Schuirmann, 1987: TOST).

    Paired t tests. Differences that are all the same have no variance to test with: they are
    equivalent if at most 5 % of pairs may differ from them, which takes 59 pairs at alpha = 0.05.
    Raises ValueError for a negative margin.
    """
    if not margin >= 0:
        raise ValueError(f"a margin of {margin} is no distance")
    found = shift(a, b, 1 - 2 * alpha)
    if found.n < 2:
        return Equivalence(False, math.nan, found, margin)
    x, y, _ = complete_pairs(a, b)
    if found.note:  # all the same: p is the chance of seeing none of those 5 %
        inside = abs(found.value) <= margin
        p = (1 - unseen.RARE) ** found.n if inside else 1.0
        return Equivalence(p <= alpha, p, found, margin)
    error = float(np.std(y - x, ddof=1)) / math.sqrt(found.n)
    nearest = (margin - abs(found.value)) / error
    p = quantiles.student_tail(nearest, found.n - 1)
    return Equivalence(p < alpha, p, found, margin)


def verdict(interval: Estimate, margin: float = 0.0) -> str:
    """What an interval of b - a, larger being better, says about B.

    better: all above the margin; worse: all below its negative; equivalent: all within it;
    inconclusive otherwise.
    """
    if interval.low > margin:
        return BETTER
    if interval.high < -margin:
        return WORSE
    if -margin <= interval.low and interval.high <= margin and interval.n > 1:
        return EQUIVALENT
    return INCONCLUSIVE


def adjusted(p: ArrayLike) -> np.ndarray:
    """p values of secondary metrics after Y. Benjamini & Y. Hochberg (JRSS B 57, 1995).

    What is NaN stays NaN and counts for nothing.
    """
    from scipy import stats

    given = np.asarray(p, np.float64)
    found = np.full(given.shape, math.nan)
    known = np.isfinite(given)
    if known.any():
        found[known] = stats.false_discovery_control(given[known], method="bh")
    return found


def _without_spread(value: float, n: int, confidence: float, left_out: int) -> Estimate:
    bound = ((1 - confidence) / 2) ** (1 / n)
    if value == 1:
        return Estimate(
            1.0, bound, 1.0, n, confidence, left_out, "every run of B is above all of A"
        )
    if value == 0:
        note = "every run of B is below all of A"
        return Estimate(0.0, 0.0, 1 - bound, n, confidence, left_out, note)
    share = unseen.unseen_share(n, confidence)  # of pairs unlike those seen, in either direction
    low, high = value - share * value, value + share * (1 - value)
    note = f"no spread was seen; {unseen.said_of_pairs(n, confidence)}"
    return Estimate(value, low, high, n, confidence, left_out, note)
