"""Predicted classes over many runs: which examples flip, and what moves them beyond a reseed.

``labels`` are whole numbers, one row per run, one column per example (or per pixel and time
step, flattened). Pairs of runs are not independent, so every interval is a jackknife over runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from whydiff.core.estimate import Estimate, unknown
from whydiff.stats.distances import classes
from whydiff.stats.effects import jackknife_error
from whydiff.stats.quantiles import share_as_large, student, swaps
from whydiff.stats.unseen import said_of_pairs, unseen_share

#: An error of a share that is rounding: nothing varied.
_ROUNDING = 1e-12
#: Swaps of run labels of which p is computed exactly rather than sampled.
MOST_SWAPS = 4096


def labels_of(predictions: Sequence[np.ndarray]) -> np.ndarray:
    """Predicted classes of several runs, (runs, examples), from one output of each.

    The class is the argmax over the last axis, or above 0.5 where that has length 1; -1 where a
    prediction holds a NaN. Further axes (pixels, time steps) are flattened into the examples.
    """
    rows = [classes(np.asarray(p)).ravel() for p in predictions]
    return np.stack(rows) if rows else np.zeros((0, 0), np.int64)


def flip_rates(labels: ArrayLike) -> np.ndarray:
    """Per example, the chance that two runs predict other classes: R/(R-1) (1 - sum_c p_c^2).

    Shape (examples,), NaN with fewer than two runs. The mean over examples is the mean
    disagreement of all pairs of runs, exactly.
    """
    table = np.asarray(labels)
    runs = table.shape[0]
    if runs < 2:
        return np.full(table.shape[1:], math.nan)
    same = np.zeros(table.shape[1])
    for label in np.unique(table):
        same += np.mean(table == label, axis=0) ** 2
    rates: np.ndarray = runs / (runs - 1) * (1 - same)
    return rates


def disagreements(labels: ArrayLike, others: ArrayLike | None = None) -> np.ndarray:
    """Share of examples on which two runs differ, for every run against every (other) run."""
    one = np.asarray(labels)
    two = one if others is None else np.asarray(others)
    agreeing = np.zeros((one.shape[0], two.shape[0]))
    for label in np.unique(one):
        agreeing += (one == label).astype(np.float32) @ (two == label).T.astype(np.float32)
    shares: np.ndarray = 1 - agreeing / max(one.shape[1], 1)
    return shares


def root_mean_squares(rows: ArrayLike) -> np.ndarray:
    """Root mean square difference of every two rows; rows are predictions, flat and finite."""
    x = np.asarray(rows, np.float64)
    x = x - x.mean(axis=0, keepdims=True)  # nearly equal rows: do not lose their difference
    squares = np.einsum("ij,ij->i", x, x)
    gaps = squares[:, None] + squares[None, :] - 2 * x @ x.T
    np.fill_diagonal(gaps, 0.0)
    return np.asarray(np.sqrt(np.maximum(gaps, 0.0) / max(x.shape[1], 1)))


def churn_of(labels: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean disagreement of two runs of one kind."""
    table = np.asarray(labels)
    return _pair_mean(disagreements(table), table.shape, confidence)


@dataclass(frozen=True)
class ExcessChurn:
    """Whether a change moves predictions more than a reseed does.

    ``between`` is the mean disagreement of a run of A and a run of B with other seeds,
    ``within`` the mean of that among the runs of A and among those of B, ``excess`` their
    difference. ``p`` is the one-sided probability of such an excess if A and B are alike.
    ``switched`` is the disagreement of A and B at equal seeds, None without pairs.
    """

    excess: Estimate
    between: float
    within: float
    p: float
    switched: Estimate | None = None


def excess_churn(
    a: ArrayLike,
    b: ArrayLike,
    rng: np.random.Generator,
    *,
    paired: bool = True,
    permutations: int = 2000,
    confidence: float = 0.95,
) -> ExcessChurn:
    """D_AB - (D_AA + D_BB) / 2 with a jackknife over runs and a permutation of run labels.

    With ``paired`` row i of both is one seed: pairs of equal seed are left out of D_AB, labels
    are swapped within pairs, and a jackknife leaves out a whole pair. This is the energy
    distance of the two kinds of run (G. Szekely & M. Rizzo, J. Stat. Plan. Inference 143, 2013),
    whose expectation is 0 if and only if they predict alike. Raises ValueError if the examples
    differ, or the runs where they are paired.
    """
    one, two = np.asarray(a), np.asarray(b)
    if one.shape[1:] != two.shape[1:] or (paired and one.shape != two.shape):
        raise ValueError(f"predictions of shapes {one.shape} and {two.shape} do not compare")
    if 0 in one.shape[1:]:
        nothing = unknown(min(len(one), len(two)), "no examples", confidence)
        return ExcessChurn(nothing, math.nan, math.nan, math.nan)
    d = disagreements(np.concatenate([one, two]))
    runs = RunDistances(d, len(one), paired, largest=1.0)
    return excess_of(runs, rng, permutations=permutations, confidence=confidence)


@dataclass(frozen=True)
class RunDistances:
    """How far every two runs lie apart, as disagreements or root mean squares of predictions.

    ``matrix`` is symmetric over all runs, those of A in the ``first`` rows. With ``paired`` run i
    of A and run i of B share a seed; ``largest`` is the largest distance that there can be.
    """

    matrix: np.ndarray
    first: int
    paired: bool = True
    largest: float = math.inf

    @property
    def fewest(self) -> int:
        return min(self.first, len(self.matrix) - self.first)

    @property
    def of_a(self) -> np.ndarray:
        return np.arange(len(self.matrix)) < self.first


def excess_of(
    runs: RunDistances,
    rng: np.random.Generator,
    *,
    permutations: int = 2000,
    confidence: float = 0.95,
) -> ExcessChurn:
    """The same as :func:`excess_churn` for any distance between runs."""
    if runs.fewest < 2:
        nothing = unknown(runs.fewest, "needs two runs of each", confidence)
        return ExcessChurn(nothing, math.nan, math.nan, math.nan)
    value, between, within = _excess(runs.matrix, runs.of_a, runs.paired)
    same_seed = np.diagonal(runs.matrix[: runs.first, runs.first :])
    return ExcessChurn(
        _jackknifed(runs, value, confidence),
        between,
        within,
        _permuted(runs, value, rng, permutations),
        _switched(same_seed, confidence) if runs.paired else None,
    )


def _excess(d: np.ndarray, first: np.ndarray, paired: bool) -> tuple[float, float, float]:
    """Excess, between, within for one assignment of runs to A (``first``) and B."""
    a, b = np.flatnonzero(first), np.flatnonzero(~first)
    n, m = a.size, b.size
    between = float(d[np.ix_(a, b)].sum())
    count = n * m
    if paired:  # run i and run i + n share a seed, whichever is called A
        half = d.shape[0] // 2
        between -= float(np.trace(d[:half, half:]))
        count -= n
    aa = float(d[np.ix_(a, a)].sum()) / (n * (n - 1))
    bb = float(d[np.ix_(b, b)].sum()) / (m * (m - 1))
    between /= count
    return between - (aa + bb) / 2, between, (aa + bb) / 2


def _jackknifed(runs: RunDistances, value: float, confidence: float) -> Estimate:
    fewest = runs.fewest
    if fewest < 3:
        note = "two runs of each: nothing is known about the spread"
        return Estimate(value, -math.inf, math.inf, fewest, confidence, 0, note)
    d, first = runs.matrix, runs.of_a
    groups = (
        [[i, i + fewest] for i in range(fewest)] if runs.paired else [[i] for i in range(len(d))]
    )
    left = []
    for group in groups:
        kept = np.delete(np.arange(len(d)), group)
        left.append(_excess(d[np.ix_(kept, kept)], first[kept], runs.paired)[0])
    values = np.array(left)
    if runs.paired:
        error = jackknife_error(values)
    else:  # two samples: their variances add
        error = math.hypot(jackknife_error(values[first]), jackknife_error(values[~first]))
    width = error * student(fewest - 1, confidence)
    note = ""
    if width <= _ROUNDING:  # runs that all agree, or all disagree, have no variance to go by
        width = unseen_share(fewest, confidence) * runs.largest
        note = said_of_pairs(fewest, confidence)
    return Estimate(value, value - width, value + width, fewest, confidence, 0, note)


def _permuted(
    runs: RunDistances, value: float, rng: np.random.Generator, permutations: int
) -> float:
    exact = False
    if runs.paired:
        swapped, exact = swaps(runs.first, 2 * MOST_SWAPS, rng, permutations)
        if exact:  # swapping every pair changes nothing: the last may stay as it is
            swapped = swapped[: len(swapped) // 2]
        assignments = np.concatenate([~swapped, swapped], axis=1)
    else:
        assignments = np.stack([rng.permutation(runs.of_a) for _ in range(permutations)])
    return share_as_large(_excesses(runs.matrix, assignments, runs.paired), value, exact)


def _excesses(d: np.ndarray, assignments: np.ndarray, paired: bool) -> np.ndarray:
    """The excess of many assignments at once: quadratic forms of the matrix of disagreements."""
    x = assignments.astype(np.float64)
    y = 1 - x
    n, m = x.sum(axis=1), y.sum(axis=1)
    within_a = np.einsum("ki,ki->k", x @ d, x) / (n * (n - 1))
    within_b = np.einsum("ki,ki->k", y @ d, y) / (m * (m - 1))
    between, count = np.einsum("ki,ki->k", x @ d, y), n * m
    if paired:
        half = d.shape[0] // 2
        between, count = between - np.trace(d[:half, half:]), count - n
    return np.asarray(between / count - (within_a + within_b) / 2)


def _switched(shares: np.ndarray, confidence: float) -> Estimate:
    from whydiff.stats.intervals import mean

    return mean(shares, confidence)


def _pair_mean(d: np.ndarray, shape: tuple[int, ...], confidence: float) -> Estimate:
    runs = shape[0]
    if runs < 2 or 0 in shape:
        why = "needs two runs" if runs < 2 else "no examples"
        return unknown(runs, why, confidence)
    total, rows = float(d.sum()), d.sum(axis=1)
    value = total / (runs * (runs - 1))
    if runs == 2:
        note = "two runs: nothing is known about the spread"
        return Estimate(value, 0.0, 1.0, 2, confidence, 0, note)
    left = (total - 2 * rows) / ((runs - 1) * (runs - 2))
    half = jackknife_error(left) * student(runs - 1, confidence)
    note = "no run predicts another class than any other" if value == 0 else ""
    if half <= _ROUNDING:  # runs // 2 pairs share no run: that many saw nothing else
        half = unseen_share(runs // 2, confidence)
        note = f"{note}; " * bool(note) + said_of_pairs(runs // 2, confidence)
    return Estimate(
        value, max(0.0, value - half), min(1.0, value + half), runs, confidence, 0, note
    )
