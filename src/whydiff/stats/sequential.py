"""Looking after every pair, and stopping as soon as the answer is in, without paying for it.

D_i = B_i - A_i at equal seeds, turned so that larger is better for B. Two processes watch D and
both have to agree; each exceeds 1 / alpha with probability at most alpha if its null hypothesis
is true, however often one looks:

* the t e-process of normal differences: the Bayes factor of effect sizes drawn from N(0, g)
  against 0, the scale integrated out, and the confidence sequence that it inverts to (H. Wang &
  A. Ramdas, "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown
  variance", 2023, arXiv 2310.03722);
* the symmetric e-process, valid for any differences symmetric around the hypothesis (V. de la
  Pena, Annals of Probability 27, 1999; A. Ramdas, J. Ruf, M. Larsson & W. Koolen, 2020, arXiv
  2009.03167). Skewed differences break the first one.

The symmetric one needs differences of about unit size for its g, but a unit chosen from all the
data would break it. Difference i is therefore divided by the root mean square of the first i: a
function of sizes, not of signs, so the signs stay as random as they were.

A run that diverged has no number. Where only one side of a pair did, it counts as worse than any
number: an infinity in D, a step of one unit for the symmetric process, no part of the mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from whydiff.core.estimate import Estimate, unknown
from whydiff.stats.paired import BETTER, EQUIVALENT, INCONCLUSIVE, WORSE

#: Variance of the effect sizes that the processes bet on, fixed beforehand.
G = 1.0
_TOO_MANY = 1_000_000


@dataclass(frozen=True)
class Look:
    """What is known after some pairs.

    ``effect`` is the mean difference with its confidence sequence at level 1 - alpha, over pairs
    in which both runs have a number. ``e`` and ``symmetric_e`` are the evidence against "no
    difference". A pair in which both diverged counts for both sides.
    """

    verdict: str
    effect: Estimate
    e: float
    symmetric_e: float
    margin: float
    alpha: float
    pairs: int
    diverged_a: int
    diverged_b: int


def pair_differences(a: ArrayLike, b: ArrayLike, *, larger_is_better: bool = True) -> np.ndarray:
    """D of each pair: B - A, or A - B for a loss; +inf if A alone diverged, -inf if B alone did.

    NaN where both did: such a pair says nothing about which is better.
    """
    x, y = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    if x.shape != y.shape:
        raise ValueError(f"{x.size} and {y.size} numbers do not pair")
    fine_x, fine_y = np.isfinite(x), np.isfinite(y)
    d = np.full(x.shape, math.nan)
    both = fine_x & fine_y
    d[both] = (y[both] - x[both]) * (1 if larger_is_better else -1)
    d[~fine_x & fine_y] = math.inf
    d[fine_x & ~fine_y] = -math.inf
    return d


def look(differences: ArrayLike, *, margin: float = 0.0, alpha: float = 0.05) -> Look:
    """The verdict after these pairs, in the order in which they were trained.

    better: the confidence sequence lies above the margin, and the symmetric process too speaks
    against a difference of the margin. worse: the mirror image. equivalent: the sequence lies
    within the margin, and the symmetric process speaks against both of its ends; also if without
    a margin as many pairs as any verdict takes differ in none. inconclusive otherwise.

    Raises ValueError for a margin below 0 or an alpha outside 0 to 1.
    """
    if not margin >= 0 or not 0 < alpha < 1:
        raise ValueError(f"margin {margin} and alpha {alpha} give no test")
    d = np.asarray(differences, np.float64).ravel()
    numbers = d[np.isfinite(d)]
    diverged_a = int(np.sum((d == math.inf) | np.isnan(d)))
    diverged_b = int(np.sum((d == -math.inf) | np.isnan(d)))
    effect = confidence_sequence(d, alpha)
    ends = (_symmetric(d, margin), _symmetric(d, -margin))
    found = _verdict(effect.low, effect.high, ends, margin, alpha)
    if margin == 0 and d.size >= fewest_pairs(alpha) and not np.any(d) and numbers.size == d.size:
        found = EQUIVALENT
    return Look(
        found,
        effect,
        t_process(numbers),
        symmetric_process(d),
        margin,
        alpha,
        d.size,
        diverged_a,
        diverged_b,
    )


def fewest_pairs(alpha: float = 0.05) -> int:
    """The pairs before which no verdict is possible, whatever they show: 10 at alpha = 0.05."""
    n = 1
    while _log_symmetric(n, n) < math.log(1 / alpha):
        n += 1
    return n


def decide(differences: ArrayLike, *, margin: float = 0.0, alpha: float = 0.05) -> Look:
    """Look after every pair and stop at the first verdict; the last look if there is none."""
    d = np.asarray(differences, np.float64).ravel()
    found = look(d[:0], margin=margin, alpha=alpha)
    for n in range(min(fewest_pairs(alpha), d.size), d.size + 1):
        found = look(d[:n], margin=margin, alpha=alpha)
        if found.verdict != INCONCLUSIVE:
            break
    return found


def more_pairs(differences: ArrayLike, *, margin: float = 0.0, alpha: float = 0.05) -> int | None:
    """The fewest further pairs that would give a verdict if all went on like those seen.

    A projection, not a promise. 0 if the verdict is there, None if no number of pairs would do
    (the mean lies at the margin) or if there are fewer than two pairs to go by.
    """
    d = np.asarray(differences, np.float64).ravel()
    if look(d, margin=margin, alpha=alpha).verdict != INCONCLUSIVE:
        return 0
    numbers = d[np.isfinite(d)]
    if d.size < 2 or numbers.size == 1:
        return None
    ends = (_symmetric(d, margin), _symmetric(d, -margin))
    center = float(numbers.mean()) if numbers.size else math.nan
    sd = float(np.std(numbers)) if numbers.size else math.nan

    def settled(total: int) -> bool:
        times = total / d.size
        n = round(numbers.size * times)
        half = _half_width(n, sd, alpha) if n else math.nan
        above, below = ((s * times, v * times) for s, v in ends)
        found = _verdict(center - half, center + half, (above, below), margin, alpha)
        return found != INCONCLUSIVE

    upper = d.size + 1
    while not settled(upper):
        upper *= 2
        if upper > _TOO_MANY:
            return None
    lower = max(d.size, upper // 2)
    while upper - lower > 1:
        middle = (lower + upper) // 2
        lower, upper = (lower, middle) if settled(middle) else (middle, upper)
    return upper - d.size


def t_process(differences: ArrayLike, null: float = 0.0, g: float = G) -> float:
    """e_n = r^-1/2 [(1 + t^2/nu) / (1 + t^2/(nu r))]^(n/2), r = 1 + n g; 1 for fewer than two."""
    d = np.asarray(differences, np.float64).ravel()
    n = d.size
    if n < 2:
        return 1.0
    r = 1 + n * g
    gap, squares = float(d.mean()) - null, float(np.sum((d - d.mean()) ** 2))
    if gap == 0:
        return 1 / math.sqrt(r)
    # t^2 / nu = n gap^2 / squares, written so that squares may be 0
    log = n / 2 * (math.log(squares + n * gap**2) - math.log(squares + n * gap**2 / r))
    return math.exp(min(log - math.log(r) / 2, 700.0))


def confidence_sequence(differences: ArrayLike, alpha: float = 0.05, g: float = G) -> Estimate:
    """Mean with the sequence mean +- s sqrt(nu x / n), x = (R - 1) / (1 - R / r).

    R = (r / alpha^2)^(1/n); not bounded where R >= r. It covers the mean at all n at once with
    probability 1 - alpha. What is not finite is left out and counted.
    """
    d = np.asarray(differences, np.float64).ravel()
    numbers = d[np.isfinite(d)]
    n, left_out = numbers.size, d.size - numbers.size
    if n == 0:
        return unknown(0, "no complete pairs", 1 - alpha, left_out)
    center = float(numbers.mean())
    half = _half_width(n, float(np.std(numbers)), alpha, g)
    note = "too few pairs for a bounded interval" if math.isinf(half) else ""
    if not note and np.ptp(numbers) == 0:
        note = f"all {n} pairs gave the same difference"
    return Estimate(center, center - half, center + half, n, 1 - alpha, left_out, note)


def symmetric_process(differences: ArrayLike, null: float = 0.0, g: float = G) -> float:
    """(1 + g V)^-1/2 exp(g S^2 / (2 (1 + g V))), S and V of the scaled differences from null."""
    return math.exp(min(_log_symmetric(*_symmetric(differences, null), g), 700.0))


def _half_width(n: int, sd: float, alpha: float, g: float = G) -> float:
    """``sd`` with ddof = 0, so that s sqrt(nu / n) of the formula is sd."""
    r = 1 + n * g
    big = (r / alpha**2) ** (1 / n)
    return sd * math.sqrt((big - 1) / (1 - big / r)) if n > 1 and big < r else math.inf


def _symmetric(differences: ArrayLike, null: float) -> tuple[float, float]:
    """S and V: sum and sum of squares of the scaled differences."""
    d = np.asarray(differences, np.float64).ravel()
    d = d[~np.isnan(d)]
    numbers = np.isfinite(d)
    gaps = np.where(numbers, d - null, 0.0)
    scale = np.sqrt(np.cumsum(gaps**2) / np.maximum(np.cumsum(numbers), 1))
    scaled = np.divide(gaps, scale, out=np.zeros_like(gaps), where=scale > 0)
    scaled[~numbers] = np.sign(d[~numbers])
    return float(scaled.sum()), float(np.sum(scaled**2))


def _log_symmetric(total: float, squares: float, g: float = G) -> float:
    return g * total**2 / (2 * (1 + g * squares)) - math.log1p(g * squares) / 2


_Sums = tuple[float, float]  # S and V of the symmetric process


def _verdict(
    low: float, high: float, ends: tuple[_Sums, _Sums], margin: float, alpha: float
) -> str:
    """``ends``: the symmetric process against +margin and -margin."""
    above, below = (_direction(*sums, alpha) for sums in ends)
    # without a number on one of the sides there is no mean; the diverged runs decide alone
    no_mean = math.isnan(low)
    if above > 0 and (no_mean or low > margin):
        return BETTER
    if below < 0 and (no_mean or high < -margin):
        return WORSE
    if above < 0 < below and -margin <= low and high <= margin:
        return EQUIVALENT
    return INCONCLUSIVE


def _direction(total: float, squares: float, alpha: float) -> int:
    """Where the differences lie, seen from the hypothesis: 1 above, -1 below, 0 not known."""
    if _log_symmetric(total, squares) < math.log(1 / alpha):
        return 0
    return 1 if total > 0 else -1
