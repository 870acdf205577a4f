"""How much each random source matters in general: blocked re-draws (Jansen pairs).

A block draws two values of every source, the first and the second. Its replicas:

==================  =========================================================
base                every source at its first value
only ``i``          source ``i`` at its second value, the others at their first
others ``i``        source ``i`` at its first value, the others at their second
all                 every source at its second value
==================  =========================================================

For a squared distance d between two trainings (:mod:`whydiff.stats.squared_distances`):

* total effect ``T_i = E d(only i differs) / E d(all differ)``: redrawing this source alone gives
  that part of the variability of redrawing everything;
* main effect ``S_i = 1 - E d(all but i differ) / E d(all differ)``: fixing this source alone
  takes that part of the variability away.

For the squared difference of a metric these are Sobol's total and first-order indices (M. J. W.
Jansen, "Analysis of variance designs for model output", Computer Physics Communications 117,
1999). In chaotic training T is near 1 and S near 0 for every source. The effects of several
sources are no parts of one whole and must not be drawn as such.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from whydiff.core.estimate import Estimate, unknown
from whydiff.stats import unseen
from whydiff.stats.quantiles import student

Outcome = TypeVar("Outcome")

#: Blocks that are enough to look around, and to claim something.
EXPLORE, CLAIM = 20, 50


@dataclass(frozen=True)
class Block:
    """Mean squared distances within one block, by what differed; NaN where a replica is missing."""

    everything: float
    only: Mapping[str, float]
    others: Mapping[str, float]


@dataclass(frozen=True)
class Effect:
    """What one source is worth; ``total`` is T, ``main`` is S, both relative to everything.

    S is reported signed: an estimate below 0 means that nothing was found. ``dead`` says that
    redrawing the source changed no outcome in any block. ``n`` of the estimates counts blocks.
    """

    source: str
    total: Estimate
    main: Estimate
    dead: bool = False


def block(
    distance: Callable[[Outcome, Outcome], float],
    base: Outcome | None,
    only: Mapping[str, Outcome | None],
    others: Mapping[str, Outcome | None],
    everything: Outcome | None,
) -> Block:
    """The distances of a block, each from all pairs of its replicas that tell it.

    ``distance`` is symmetric and squared; None is a replica without an outcome. With one source
    ``only`` and ``others`` may be empty, as they repeat ``everything`` and ``base``. Beyond the
    pairs of Jansen's design it uses those of the same meaning: only ``i`` against others ``i``
    differ in everything, others ``i`` against all in ``i`` alone, only ``i`` against all in all
    but ``i`` (A. Saltelli et al., Computer Physics Communications 181, 2010).
    """

    def mean(pairs: Iterable[tuple[Outcome | None, Outcome | None]]) -> float:
        told = [distance(x, y) for x, y in pairs if x is not None and y is not None]
        return float(np.mean(told)) if told else math.nan

    return Block(
        mean([(base, everything)] + [(only[i], others[i]) for i in only]),
        {i: mean([(base, only[i]), (others[i], everything)]) for i in only},
        {i: mean([(base, others[i]), (only[i], everything)]) for i in only},
    )


def pooled(blocks: Sequence[Block]) -> Block:
    """Blocks that are not independent of each other as one: the means of what they tell."""

    def mean(values: Iterable[float]) -> float:
        told = [value for value in values if math.isfinite(value)]
        return float(np.mean(told)) if told else math.nan

    return Block(
        mean(b.everything for b in blocks),
        {name: mean(b.only[name] for b in blocks) for name in blocks[0].only},
        {name: mean(b.others[name] for b in blocks) for name in blocks[0].others},
    )


def effects(
    blocks: Sequence[Block], sources: Sequence[str], confidence: float = 0.95
) -> tuple[Effect, ...]:
    """Total and main effect of each source, with intervals over blocks.

    The interval is the jackknife's on the logarithm of the ratio with Student's t over blocks.
    Blocks with a distance that is not finite are left out and counted. With a single source both
    effects are 1 by definition.
    """
    whole = np.array([b.everything for b in blocks], float)
    if len(sources) == 1:
        return (_single(sources[0], whole, confidence),)
    found = []
    for source in sources:
        only = np.array([b.only[source] for b in blocks], float)
        others = np.array([b.others[source] for b in blocks], float)
        total = ratio(only, whole, confidence)
        rest = ratio(others, whole, confidence)
        found.append(Effect(source, total, _complement(rest), dead=total.value == 0))
    return tuple(found)


def ratio(numerator: ArrayLike, denominator: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Ratio of two means over the same blocks, both at least 0, with an interval on its log.

    A zero denominator gives an unknown: nothing varied. A numerator of 0 in all n blocks, as that
    of an accuracy in steps of 1 / 100 often is, is no proof of 0: up to a share of 1 - alpha^(1/n)
    of blocks may be otherwise (:mod:`whydiff.stats.unseen`). The interval ends at that share times
    the largest denominator seen over the mean one, which supposes that such a block would change
    no more than the largest change of everything. The same holds for a ratio that was the same in
    every block.
    """
    top, bottom = np.asarray(numerator, float).ravel(), np.asarray(denominator, float).ravel()
    kept = np.isfinite(top) & np.isfinite(bottom)
    top, bottom, left_out = top[kept], bottom[kept], int(np.sum(~kept))
    n = top.size
    if n == 0:
        return unknown(0, "no complete blocks", confidence, left_out)
    if not np.any(bottom):
        note = f"redrawing everything changed nothing in {n} blocks"
        return unknown(n, note, confidence, left_out)
    value = float(top.sum() / bottom.sum())
    if n == 1:
        note = "one block: nothing is known about the spread"
        return Estimate(value, 0.0, math.inf, n, confidence, left_out, note)
    # What blocks unlike all those seen may add, or take away.
    share = unseen.unseen_share(n, confidence)
    hidden = share * float(bottom.max() / bottom.mean())
    if value == 0:
        note = f"changed nothing in {n} blocks; up to {100 * share:.0f} % of blocks may differ"
        return Estimate(0.0, 0.0, hidden, n, confidence, left_out, note)
    with np.errstate(divide="ignore", invalid="ignore"):
        leave_one_out = np.log((top.sum() - top) / (bottom.sum() - bottom))
    if not np.all(np.isfinite(leave_one_out)):
        note = "a single block holds all the variability"
        return Estimate(value, 0.0, math.inf, n, confidence, left_out, note)
    half = jackknife_error(leave_one_out) * student(n - 1, confidence)
    if half <= _NO_SPREAD:
        note = f"the same in {n} blocks; up to {100 * share:.0f} % of blocks may differ"
        low = value * max(0.0, 1 - hidden)
        return Estimate(value, low, value + hidden, n, confidence, left_out, note)
    low, high = value * math.exp(-half), value * math.exp(min(half, 700.0))
    return Estimate(value, low, high, n, confidence, left_out)


#: An error of a logarithm that is rounding: the ratio was the same in every block.
_NO_SPREAD = 1e-9


def more_blocks(estimate: Estimate, precision: float = 0.1) -> int | None:
    """How many more blocks bring the interval within a factor ``1 + precision`` of the value.

    The width on the log scale shrinks with the square root of the number of blocks. 0 if that is
    reached, None if the estimate has no interval to start from, or is 0: there is no factor of 0
    (see :func:`more_blocks_without`).
    """
    if not estimate.known or estimate.low <= 0:
        return None
    half = math.log(estimate.high / estimate.low) / 2
    needed = estimate.n * (half / math.log1p(precision)) ** 2
    return max(0, math.ceil(needed) - estimate.n)


def more_blocks_without(estimate: Estimate, bound: float) -> int | None:
    """How many more blocks without a change bring the upper end of an effect of 0 under ``bound``.

    None if the effect is not 0, or not known.
    """
    if estimate.value != 0:
        return None
    largest = estimate.high / unseen.unseen_share(estimate.n, estimate.confidence)
    share = bound / largest
    needed = unseen.runs_for(share, estimate.confidence) if share < 1 else estimate.n
    return max(0, needed - estimate.n)


def jackknife_error(leave_one_out: np.ndarray) -> float:
    """Standard error from the leave-one-out values (B. Efron & C. Stein, Ann. Statist. 9, 1981)."""
    n = leave_one_out.size
    return math.sqrt((n - 1) / n * float(np.sum((leave_one_out - leave_one_out.mean()) ** 2)))


def _single(source: str, whole: np.ndarray, confidence: float) -> Effect:
    """The effects of the only source: 1, whatever was measured, if anything varied."""
    finite = whole[np.isfinite(whole)]
    n, left_out = finite.size, whole.size - finite.size
    if not np.any(finite):
        nothing = ratio(whole, whole, confidence)
        return Effect(source, nothing, nothing)
    one = Estimate(1.0, 1.0, 1.0, n, confidence, left_out, "the only source: 1 by definition")
    return Effect(source, one, one)


def _complement(rest: Estimate) -> Estimate:
    return Estimate(
        1 - rest.value,
        1 - rest.high,
        1 - rest.low,
        rest.n,
        rest.confidence,
        rest.left_out,
        rest.note,
    )
