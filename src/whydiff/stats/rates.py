"""How often two ways of training fail, compared as rates of their own.

A run that diverged or collapsed is no worse value of a metric but another kind of end; a mean over
both kinds describes neither.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from whydiff.core.estimate import Estimate, unknown
from whydiff.stats import intervals


@dataclass(frozen=True)
class RateDifference:
    """``difference`` of two rates, B - A, and the two-sided ``p`` of no difference."""

    difference: Estimate
    p: float


def rate_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> RateDifference:
    """Rates of two kinds of run, paired by seed: ``a`` and ``b`` say which runs failed.

    The interval joins those of Clopper and Pearson for each rate at half the error (Bonferroni):
    never too narrow, whatever pairs have in common, and never without width. ``p`` is the exact
    test of the pairs in which one side failed (Q. McNemar, Psychometrika 12, 1947); NaN for no
    pairs. Raises ValueError if the pairs do not match.
    """
    x, y = np.asarray(a, bool).ravel(), np.asarray(b, bool).ravel()
    if x.shape != y.shape:
        raise ValueError(f"{x.size} and {y.size} runs do not pair")
    if x.size == 0:
        return RateDifference(unknown(0, "no complete pairs", confidence), math.nan)
    each = (1 + confidence) / 2
    one, two = (intervals.proportion(int(side.sum()), side.size, each) for side in (x, y))
    difference = Estimate(
        two.value - one.value, two.low - one.high, two.high - one.low, x.size, confidence
    )
    alone = int(np.sum(x & ~y)), int(np.sum(y & ~x))
    return RateDifference(difference, _even(*alone))


def _even(one: int, other: int) -> float:
    """Two-sided p of so uneven a split of coin tosses."""
    n, fewer = one + other, min(one, other)
    tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
    return float(min(1.0, 2 * tail))
