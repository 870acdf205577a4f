"""How much of the variance between runs is the test set's doing, and how much is training's.

K. Jordan, "On the variance of neural network training with respect to test sets and
distributions" (2023, arXiv:2304.01910): runs differ on a test set far more than on the
distribution it was drawn from, because each run errs on some examples by its own chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from whydiff.core.estimate import Estimate, unknown
from whydiff.stats import intervals
from whydiff.stats.effects import jackknife_error
from whydiff.stats.quantiles import student


@dataclass(frozen=True)
class VarianceParts:
    """The variance of the error rate over runs, taken apart. Variances of a share, unit 1.

    ``test_set`` is what independent errors on each example would give; ``observed`` is the
    variance that was seen; ``training`` is the variance that would remain on an endless test
    set. ``training`` is signed: it comes out negative for 20 to 50 % of studies of up to 300
    runs, and :attr:`distinguishable` says whether it differs from 0 at all.
    """

    error: Estimate
    observed: float
    test_set: float
    training: Estimate
    examples: int

    @property
    def distinguishable(self) -> bool:
        """Whether the variance over the distribution can be told from 0."""
        return self.training.known and self.training.low > 0


def variance_parts(errors: ArrayLike, confidence: float = 0.95) -> VarianceParts:
    """Take the variance of the error rate apart.

    ``errors``: (runs, examples), whether (or how much, from 0 to 1) a run errs on an example.
    With e_i the errors on example i and all variances over runs with ddof = 1::

        test set   n^-2 sum_i Var(e_i)                          [= n^-2 sum e_i (1 - e_i), unbiased]
        training   n / (n - 1) (Var(error rate) - n^-2 sum_i Var(e_i))

    The interval of ``training`` joins the chi-square interval of the observed variance (a mean
    over many examples is close to normal) with the jackknife's of the test-set part, as G. Zou
    and A. Donner join two (Statistics in Medicine 27, 2008).
    """

    table = np.asarray(errors, np.float64)
    runs, n = table.shape
    rates = table.mean(axis=1) if n else np.full(runs, math.nan)
    error = intervals.mean(rates, confidence, bounds=(0.0, 1.0))
    if runs < 2 or n < 2:
        why = "needs two runs" if runs < 2 else "needs two examples"
        return VarianceParts(error, math.nan, math.nan, unknown(runs, why, confidence), n)
    observed = float(np.var(rates, ddof=1))
    test_set = float(np.var(table, axis=0, ddof=1).sum()) / n**2
    training = n / (n - 1) * (observed - test_set)
    interval = _interval(table, rates, training, confidence)
    return VarianceParts(error, observed, test_set, interval, n)


def calibrated_variance(error: float, examples: int) -> float:
    """Test-set variance of a binary task whose runs are calibrated class by class: error / 2n.

    NaN for no examples.
    """
    return error / (2 * examples) if examples else math.nan


def _interval(table: np.ndarray, rates: np.ndarray, value: float, confidence: float) -> Estimate:
    runs, n = table.shape
    if runs == 2:
        note = "two runs: nothing is known about the spread"
        return Estimate(value, -math.inf, math.inf, 2, confidence, 0, note)
    spread = intervals.spread(rates, confidence, normal=True, bounds=(0.0, 1.0))
    below = spread.value**2 - spread.low**2
    above = spread.high**2 - spread.value**2
    centered = table - table.mean(axis=0)
    # the sum over examples of the variance without run r needs only each run's own squares
    squares = np.einsum("ri,ri->r", centered, centered)
    left = (squares.sum() - squares * runs / (runs - 1)) / (runs - 2) / n**2
    half = jackknife_error(left) * student(runs - 1, confidence)
    scale = n / (n - 1)
    low, high = value - scale * math.hypot(below, half), value + scale * math.hypot(above, half)
    note = "" if low > 0 else "not distinguishable from 0"
    return Estimate(value, low, high, runs, confidence, 0, note)
