"""Looking after every pair, and stopping as soon as the answer is in, without paying for it.

D_i = B_i - A_i at equal seeds, turned so that larger is better for B. Capital is bet on D
(:mod:`whydiff.stats.bets`); it exceeds 2 / alpha on either side of a true hypothesis with
probability alpha at most, however often one looks. What is taken for granted is one of

* ``symmetric``: apart from their mean, differences are as often up as down. A and B trained with
  equal seeds and equally sensitive to them give such differences. The assumption is checked: if
  the differences seen have a tail on the other side of the verdict, each unit of skewness asks
  for :data:`SKEW` more on the logarithm of the evidence, and from :data:`REFUSED` on they are
  visibly of another kind: no evidence is enough. This never weakens what is promised, and by
  simulation it keeps the level for exponential and lognormal differences, too. What no check sees
  is a tail of which no pair was seen yet: a run in ten that is far off. :attr:`Look.unseen` bounds
  its share; without bounds no rule about a mean can do more (R. Bahadur & L. Savage, Annals of
  Mathematical Statistics 27, 1956).
* ``bounded``: the differences lie within known bounds, as those of an accuracy do, and nothing
  else. It also holds for rare runs that are far off, and therefore takes many more pairs:
  about 4 / (the mean difference as a part of its largest possible value). No rule can do with
  fewer: so long may a run that falls to the bound stay unseen.

Differences that are all equal tell nothing about their shape. Nothing is said from them alone until
``unseen`` is at most 5 %: after 59 pairs at alpha = 0.05.

A run that diverged has no number. Where only one side of a pair did, it counts as worse than any
number: an infinity in D, no part of the mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from whydiff.core.estimate import Estimate, unknown
from whydiff.stats import bets, unseen
from whydiff.stats.paired import BETTER, EQUIVALENT, INCONCLUSIVE, WORSE
from whydiff.stats.unseen import Bounds

SYMMETRIC, BOUNDED = "symmetric", "bounded"
ASSUMPTIONS = (SYMMETRIC, BOUNDED)
#: What a unit of skewness against the verdict adds to the logarithm of the evidence asked for, and
#: what it adds at most: with 8 a clear effect with some tail takes 25 pairs or more.
SKEW, MOST_FOR_SKEW = 8.0, 8.0
#: The skewness against the verdict from which on there is none.
REFUSED = 1.5
_TOO_MANY = 1_000_000
#: Halvings by which an end of a confidence sequence is found.
_HALVINGS = 32


@dataclass(frozen=True)
class Look:
    """What is known after some pairs.

    ``effect`` is the mean difference with its confidence sequence at level 1 - alpha, over pairs
    in which both runs have a number. ``e`` and ``symmetric_e`` are the evidence against "no
    difference" for normal and for symmetric differences, ``bounded_e`` that for bounded ones (1
    without bounds). ``skewness`` is that of the differences. ``unseen`` is the largest share of
    pairs of a kind of which none was seen. A pair in which both diverged counts for both sides.
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
    bounded_e: float = 1.0
    assumption: str = SYMMETRIC
    skewness: float = 0.0
    unseen: float = 1.0

    @property
    def refused(self) -> bool:
        """Whether a tail against the mean is so long that no evidence for it is enough."""
        against = -math.copysign(self.skewness, self.skewness * self.effect.value)
        return self.assumption == SYMMETRIC and against >= REFUSED


@dataclass(frozen=True)
class SequentialTest:
    """What is asked of the differences: the margin, the level and what is taken for granted.

    ``bounds`` are those of a difference.

    Raises ValueError for a margin below 0, an alpha outside 0 to 1, or an assumption that is none
    or lacks its bounds.
    """

    margin: float = 0.0
    alpha: float = 0.05
    assumption: str = SYMMETRIC
    bounds: Bounds | None = None

    def __post_init__(self) -> None:
        if not self.margin >= 0 or not 0 < self.alpha < 1:
            raise ValueError(f"margin {self.margin} and alpha {self.alpha} give no test")
        if self.assumption not in ASSUMPTIONS:
            raise ValueError(f"{self.assumption!r} is none of {', '.join(ASSUMPTIONS)}")
        if self.assumption == BOUNDED and self.bounds is None:
            raise ValueError("differences without bounds cannot be assumed to be bounded")

    @property
    def level(self) -> float:
        """The logarithm of the capital that a bet on one side has to reach."""
        return math.log(2 / self.alpha)

    def capital(self, d: np.ndarray, null: float) -> bets.Capital:
        """Capital of the bets on "above ``null``" and on "below", (pairs, stakes)."""
        if self.assumption == SYMMETRIC or self.bounds is None:
            return bets.symmetric(d, null)
        return bets.bounded(d, null, *self.bounds)


#: No margin, alpha = 0.05, symmetric differences.
STANDARD = SequentialTest()


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


def look(differences: ArrayLike, test: SequentialTest = STANDARD) -> Look:
    """The verdict after these pairs, in the order in which they were trained.

    better: the evidence is that the differences lie above the margin, those of pairs with two
    numbers alone, too; worse: the mirror image. equivalent: they lie above -margin and below
    margin, and no run diverged on one side only; without a margin, if none of 59 pairs differs.
    inconclusive otherwise.
    """
    d = np.asarray(differences, np.float64).ravel()
    numbers = d[np.isfinite(d)]
    informative = d[~np.isnan(d)]
    return Look(
        verdicts(d, test)[-1] if d.size else INCONCLUSIVE,
        confidence_sequence(d, test),
        t_process(numbers),
        symmetric_process(d),
        test.margin,
        test.alpha,
        d.size,
        int(np.sum((d == math.inf) | np.isnan(d))),
        int(np.sum((d == -math.inf) | np.isnan(d))),
        bounded_process(d, test.bounds) if test.bounds is not None else 1.0,
        test.assumption,
        float(_skewness(numbers)[-1]) if numbers.size else 0.0,
        unseen.unseen_share(informative.size, 1 - test.alpha),
    )


def verdicts(d: np.ndarray, test: SequentialTest) -> list[str]:
    """The verdict after the first pair, the first two, and so on, as :func:`look` gives it."""
    numbers = np.where(np.isfinite(d), d, math.nan)
    failed = np.isinf(d)
    whole = _Evidence.of(d, test)
    of_numbers = failures = whole
    if failed.any():
        of_numbers = _Evidence.of(numbers, test)
        failures = _Evidence.of(np.where(failed, d, math.nan), test)
    empty = np.cumsum(np.isfinite(d)) == 0
    found = np.full(d.shape, INCONCLUSIVE, dtype=object)
    # Numbers and failures together, and no verdict that the numbers alone would not bear out,
    # unless failures alone are enough and the numbers do not say the opposite.
    found[
        (whole.better >= 0)
        & ((of_numbers.better >= 0) | (failures.better >= 0) & (empty | (of_numbers.worse < 0)))
    ] = BETTER
    found[
        (whole.worse >= 0)
        & ((of_numbers.worse >= 0) | (failures.worse >= 0) & (empty | (of_numbers.better < 0)))
    ] = WORSE
    lone = np.cumsum(failed) > 0
    found[(of_numbers.not_better >= 0) & (of_numbers.not_worse >= 0) & ~lone] = EQUIVALENT
    alike = _alike(numbers) & ~lone
    enough = np.cumsum(np.isfinite(d)) >= fewest_alike(test.alpha)
    if test.assumption == SYMMETRIC:
        found[alike & ~enough] = INCONCLUSIVE
    found[alike & enough & (np.nan_to_num(numbers) == 0)] = EQUIVALENT
    return [str(verdict) for verdict in found]


def fewest_pairs(alpha: float = 0.05) -> int:
    """The pairs before which no symmetric differences give a verdict: 7 at alpha = 0.05."""
    n, level = 1, math.log(2 / alpha)
    while _limit(n) < level:
        n += 1
    return n


def fewest_alike(alpha: float = 0.05) -> int:
    """The pairs before which differences that are all equal give none: 59 at alpha = 0.05."""
    return unseen.runs_for(confidence=1 - alpha)


def decide(differences: ArrayLike, test: SequentialTest = STANDARD) -> Look:
    """Look after every pair and stop at the first verdict; the last look if there is none."""
    d = np.asarray(differences, np.float64).ravel()
    found = verdicts(d, test)
    n = next((n for n, v in enumerate(found, 1) if v != INCONCLUSIVE), d.size)
    return look(d[:n], test)


def more_pairs(differences: ArrayLike, test: SequentialTest = STANDARD) -> int | None:
    """The fewest further pairs that would give a verdict if all went on like those seen.

    A projection, not a promise: every stake goes on winning or losing as it did. 0 if the verdict
    is there, None if no number of pairs would do (the mean lies at the margin) or if there are
    fewer than two pairs to go by.
    """
    d = np.asarray(differences, np.float64).ravel()
    if d.size and verdicts(d, test)[-1] != INCONCLUSIVE:
        return 0
    numbers = np.where(np.isfinite(d), d, math.nan)
    if d.size < 2 or int(np.sum(np.isfinite(d))) == 1:
        return None
    alike = bool(_alike(numbers)[-1]) and not np.isinf(d).any()
    enough = fewest_alike(test.alpha)
    least = enough if alike and test.assumption == SYMMETRIC else 0
    furthest = float(np.nanmax(np.abs(numbers), initial=0.0))
    if alike and (furthest == 0 or (least and furthest <= test.margin)):
        return max(1, enough - d.size)
    used = d if np.isnan(numbers).all() else numbers
    up, down = (float(asked[-1]) for asked in _asked(numbers, test))
    above, below = test.capital(used, test.margin), test.capital(used, -test.margin)

    def settled(total: int) -> bool:
        def evidence(capital: np.ndarray) -> float:
            return float(bets.total(capital[-1] * (total / d.size)))

        better, worse = evidence(above[0]) >= up, evidence(below[1]) >= down
        within = evidence(above[1]) >= down and evidence(below[0]) >= up
        return total >= least and (better or worse or (within and not np.isinf(d).any()))

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


def t_process(differences: ArrayLike, null: float = 0.0, g: float = 1.0) -> float:
    """The evidence of normal differences: e_n = r^-1/2 [(1 + t^2/nu) / (1 + t^2/(nu r))]^(n/2).

    r = 1 + n g; 1 for fewer than two. The Bayes factor of effect sizes drawn from N(0, g) against
    0, the scale integrated out (H. Wang & A. Ramdas, "Anytime-valid t-tests and confidence
    sequences for Gaussian means with unknown variance", 2023, arXiv 2310.03722).
    """
    d = np.asarray(differences, np.float64).ravel()
    gaps = d - null
    largest = float(np.max(np.abs(gaps), initial=0.0))
    if d.size < 2 or largest == 0:
        return 1 / math.sqrt(1 + d.size * g) if d.size > 1 else 1.0
    n, r = d.size, 1 + d.size * g
    gaps = gaps / largest  # squares of 1e-300 are 0
    gap, squares = float(gaps.mean()), float(np.sum((gaps - gaps.mean()) ** 2))
    if gap == 0:
        return 1 / math.sqrt(r)
    # t^2 / nu = n gap^2 / squares, written so that squares may be 0
    log = n / 2 * (math.log(squares + n * gap**2) - math.log(squares + n * gap**2 / r))
    return _exp(log - math.log(r) / 2)


def symmetric_process(differences: ArrayLike, null: float = 0.0) -> float:
    """The evidence of symmetric differences against ``null``, on either side."""
    return _two_sided(bets.symmetric(np.asarray(differences, np.float64).ravel(), null))


def bounded_process(differences: ArrayLike, bounds: Bounds, null: float = 0.0) -> float:
    """The evidence of differences within ``bounds`` against a mean of ``null``, on either side."""
    return _two_sided(bets.bounded(np.asarray(differences, np.float64).ravel(), null, *bounds))


def confidence_sequence(differences: ArrayLike, test: SequentialTest = STANDARD) -> Estimate:
    """Mean with those values around it against which there is too little evidence.

    It covers the mean at all n at once with probability 1 - alpha where what is taken for granted
    holds; a margin plays no part. An end behind which a tail lies is moved out, as a verdict asks
    for more evidence there. Where all differences are equal its ends are those that bounds leave
    (:func:`whydiff.stats.unseen.mean_limits`). What is not finite is left out and counted.
    """
    d = np.asarray(differences, np.float64).ravel()
    numbers = d[np.isfinite(d)]
    n, left_out = numbers.size, d.size - numbers.size
    if n == 0:
        return unknown(0, "no complete pairs", 1 - test.alpha, left_out)
    center = float(numbers.mean())
    if test.assumption == SYMMETRIC and unseen.constant(numbers, _SAME):
        low, high = unseen.mean_limits(center, n, 1 - test.alpha, test.bounds)
        note = unseen.said(n, "pair", 1 - test.alpha)
        return Estimate(center, low, high, n, 1 - test.alpha, left_out, note)
    low, high = (_end(numbers, center, test, side) for side in (-1, 1))
    note = ""
    if math.isinf(low) or math.isinf(high):
        fewest = fewest_pairs(test.alpha)
        note = (
            f"an interval takes {fewest} pairs or more"
            if n < fewest
            else "the differences are skewed: an end on the side of their tail takes more pairs"
        )
    return Estimate(center, low, high, n, 1 - test.alpha, left_out, note)


#: Differences that agree to so many parts of their size are the same: metrics are 32-bit numbers.
_SAME = 1e-5


@dataclass(frozen=True)
class _Evidence:
    """After every pair, the evidence beyond what is asked for: enough where it is at least 0.

    ``better``: above the margin; ``not_better``: below it; ``worse`` and ``not_worse``: the same
    at -margin.
    """

    better: np.ndarray
    not_better: np.ndarray
    worse: np.ndarray
    not_worse: np.ndarray

    @classmethod
    def of(cls, d: np.ndarray, test: SequentialTest) -> _Evidence:
        up, down = _asked(d, test)
        upper = [bets.total(c) for c in test.capital(d, test.margin)]
        lower = upper
        if test.margin:
            lower = [bets.total(c) for c in test.capital(d, -test.margin)]
        return cls(upper[0] - up, upper[1] - down, lower[1] - down, lower[0] - up)


def _asked(d: np.ndarray, test: SequentialTest) -> tuple[np.ndarray, np.ndarray]:
    """The logarithm of the evidence asked for "above" and for "below", after every pair."""
    skewness = _skewness(d)
    if test.assumption != SYMMETRIC:
        skewness = np.zeros_like(skewness)
    up, down = (
        np.where(against >= REFUSED, math.inf, np.clip(SKEW * against, 0.0, MOST_FOR_SKEW))
        for against in (-skewness, skewness)
    )
    return test.level + up, test.level + down


def _skewness(d: np.ndarray) -> np.ndarray:
    """The sample skewness of the finite numbers so far, after every pair; 0 without spread."""
    finite = np.isfinite(d)
    if not finite.any():
        return np.zeros(d.shape)
    x = np.where(finite, d, 0.0)
    x = np.where(finite, x - float(np.median(x[finite])), 0.0)
    largest = float(np.max(np.abs(x)))
    if largest == 0:
        return np.zeros(d.shape)
    x, n = x / largest, np.maximum(np.cumsum(finite), 1)
    m1, m2, m3 = (np.cumsum(x**power) / n for power in (1, 2, 3))
    variance = np.maximum(m2 - m1**2, 0.0)
    third = m3 - 3 * m1 * m2 + 2 * m1**3
    skewness = np.divide(third, variance**1.5, out=np.zeros(d.shape), where=variance > 1e-9)
    return np.asarray(skewness)


def _alike(numbers: np.ndarray) -> np.ndarray:
    """After every pair, whether all numbers so far are equal; NaN counts for nothing."""
    high = np.fmax.accumulate(numbers) if numbers.size else numbers
    low = np.fmin.accumulate(numbers) if numbers.size else numbers
    with np.errstate(invalid="ignore"):
        alike = high - low <= _SAME * np.maximum(np.abs(high), np.abs(low))
    return np.asarray(alike)


def _end(numbers: np.ndarray, center: float, test: SequentialTest, side: int) -> float:
    """The furthest mean on one side against which there is too little evidence."""
    asked = float(_asked(numbers, test)[0 if side < 0 else 1][-1])
    if test.assumption == SYMMETRIC:
        if _limit(numbers.size) < asked:
            return side * math.inf
        reach = 4 * float(np.max(np.abs(numbers - center)))
    else:
        assert test.bounds is not None
        reach = abs(test.bounds[0 if side < 0 else 1] - center)

    def rejected(distance: float) -> bool:
        capital = test.capital(numbers, center + side * distance)
        return float(bets.total(capital[0 if side < 0 else 1])[-1]) >= asked

    near, far = 0.0, reach
    for _ in range(_HALVINGS):
        if rejected(far):
            break
        if test.assumption != SYMMETRIC:  # the bound itself
            return center + side * far
        near, far = far, 2 * far
    else:
        return side * math.inf
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        near, far = (near, middle) if rejected(middle) else (middle, far)
    return center + side * far


def _limit(n: int) -> float:
    """The logarithm of the capital after ``n`` equal differences, the most that is to be had."""
    return float(bets.total(bets.symmetric(np.ones(n), 0.0)[0])[-1])


def _two_sided(capital: bets.Capital) -> float:
    """Half of the capital bet on each side."""
    if not capital[0].size:
        return 1.0
    above, below = (float(bets.total(side)[-1]) for side in capital)
    return _exp(float(np.logaddexp(above, below)) - math.log(2))


def _exp(log: float) -> float:
    return math.exp(min(log, 700.0))
