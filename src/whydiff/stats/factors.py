"""What a fixed factor does (optimizer, batch size, precision): paired shift, spread, churn.

A fixed factor has no share of variance: its levels are not drawn from anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from whydiff.core.estimate import Estimate, unknown
from whydiff.stats import flips, intervals, paired
from whydiff.stats.effects import jackknife_error
from whydiff.stats.quantiles import share_as_large, student, swaps
from whydiff.stats.unseen import Bounds


@dataclass(frozen=True)
class Spread:
    """Ratio of standard deviations, B over A. ``p`` by permutation (pairs) or Levene (else)."""

    ratio: Estimate
    p: float


@dataclass(frozen=True)
class FactorEffect:
    """One level B of a factor against another, A, over the same seeds.

    ``shift`` is the mean of B - A, ``p`` that of its exact sign-flip test, ``above`` is
    P(B > A), ``churn`` what the predictions show, None without predictions.
    """

    shift: Estimate
    p: float
    above: Estimate
    spread: Spread
    churn: flips.ExcessChurn | None


def factor_effect(
    a: ArrayLike,
    b: ArrayLike,
    rng: np.random.Generator,
    *,
    labels: tuple[ArrayLike, ArrayLike] | None = None,
    confidence: float = 0.95,
    bounds: Bounds | None = None,
) -> FactorEffect:
    """Compare two levels run with the same seeds, equal positions being equal seeds.

    ``labels`` are the predicted classes, (runs, examples) for each level; ``bounds`` those of the
    metric.
    """
    x, y, _ = paired.complete_pairs(a, b)
    return FactorEffect(
        paired.shift(a, b, confidence, bounds=bounds),
        paired.sign_flip(y - x, rng),
        paired.probability(a, b, confidence),
        spread_ratio(a, b, rng, confidence=confidence),
        flips.excess_churn(*labels, rng, confidence=confidence) if labels is not None else None,
    )


def spread_ratio(
    a: ArrayLike,
    b: ArrayLike,
    rng: np.random.Generator,
    *,
    paired_by_seed: bool = True,
    permutations: int = 5000,
    confidence: float = 0.95,
) -> Spread:
    """Ratio of the standard deviations of B and A with a jackknife interval on its log.

    The interval is R. G. Miller's (Ann. Math. Statist. 39, 1968). Paired: p by swapping A and B
    within pairs after taking off each one's median. Otherwise Levene's test around the medians
    (M. B. Brown & A. B. Forsythe, JASA 69, 1974). Unknown where one does not vary.
    """
    if paired_by_seed:
        x, y, left_out = paired.complete_pairs(a, b)
    else:
        (x, out_a), (y, out_b) = intervals.finite(a), intervals.finite(b)
        left_out = out_a + out_b
    n = min(x.size, y.size)
    if n < 3:
        return Spread(unknown(n, "needs three runs of each", confidence, left_out), math.nan)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        which = " and ".join(name for name, v in (("A", x), ("B", y)) if np.ptp(v) == 0)
        note = f"{which} gave the same number in every run"
        return Spread(unknown(n, note, confidence, left_out), math.nan)
    log = math.log(np.std(y, ddof=1) / np.std(x, ddof=1))
    left_x, left_y = _log_sds_without_each(x), _log_sds_without_each(y)
    if not (np.all(np.isfinite(left_x)) and np.all(np.isfinite(left_y))):
        note = "all runs but one gave the same number"
        ratio = Estimate(math.exp(log), 0.0, math.inf, n, confidence, left_out, note)
    else:
        if paired_by_seed:
            error = jackknife_error(left_y - left_x)
        else:
            error = math.hypot(jackknife_error(left_x), jackknife_error(left_y))
        half = error * student(n - 1, confidence)
        low, high = math.exp(log - half), math.exp(min(log + half, 700.0))
        ratio = Estimate(math.exp(log), low, high, n, confidence, left_out)
    if paired_by_seed:
        return Spread(ratio, _permuted(x, y, rng, permutations))
    from scipy import stats

    return Spread(ratio, float(stats.levene(x, y, center="median").pvalue))


def _log_sds_without_each(x: np.ndarray) -> np.ndarray:
    """But for a constant, which says nothing of how they vary."""
    n = x.size
    squares = (x - x.mean()) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(squares.sum() - squares * n / (n - 1)) / 2)


def _permuted(x: np.ndarray, y: np.ndarray, rng: np.random.Generator, permutations: int) -> float:
    x, y = x - np.median(x), y - np.median(y)
    n = x.size
    swapped, exact = swaps(n, permutations, rng, permutations)
    one, two = np.where(swapped, y, x), np.where(swapped, x, y)
    with np.errstate(divide="ignore"):
        found = np.abs(np.log(np.var(two, axis=1) / np.var(one, axis=1)))
    observed = abs(math.log(float(np.var(y)) / float(np.var(x))))
    return share_as_large(found, observed, exact)
