"""Every interval and test of ``study``, ``compare`` and ``verify`` on runs with a known truth.

A :class:`Row` is one line of the table in docs/statistics.md: a trial draws runs, computes, and
says whether the interval held the truth or the verdict was the one that is counted. Most rows
promise a share; the others show where a method ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.random import Generator

from whydiff.core.estimate import Estimate
from whydiff.stats import bets, equivalence as groups, intervals, paired, rates, sequential
from whydiff.stats.effects import Block, block, effects
from whydiff.stats.factors import spread_ratio
from whydiff.stats.flips import ExcessChurn, churn_of, excess_churn, flip_rates
from whydiff.stats.paired import BETTER, EQUIVALENT, INCONCLUSIVE, WORSE
from whydiff.stats.probe_noise import variance_parts


def coverage(truth: float, estimates: Iterable[Container[float]]) -> float:
    """Share of the intervals that hold the truth."""
    return float(np.mean([truth in estimate for estimate in estimates]))


def few(share: float, level: float, n: int) -> bool:
    """Whether a share of n trials is consistent with a true one of at most ``level``."""
    return share <= level + 3.5 * math.sqrt(level * (1 - level) / n)


def many(share: float, level: float, n: int) -> bool:
    """Whether a share of n trials is consistent with a true one of at least ``level``."""
    return share >= level - 3.5 * math.sqrt(level * (1 - level) / n)


def additive(
    parts: dict[str, float], joint: float
) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    """A training whose outcome has a known variance from each source and from all jointly."""

    def outcome(values: dict[str, np.ndarray]) -> np.ndarray:
        own = sum(math.sqrt(parts[name]) * values[name] for name in parts)
        product = np.prod([values[name] for name in parts], axis=0)
        whole: np.ndarray = own + math.sqrt(joint) * product
        return whole

    return outcome


def study(
    rng: np.random.Generator,
    blocks: int,
    parts: dict[str, float],
    joint: float = 0.0,
    width: int = 1,
) -> list[Block]:
    """Blocks of a simulated study; ``width`` numbers (examples, weights) per training."""
    outcome, found = additive(parts, joint), []
    for _ in range(blocks):
        first = {name: rng.normal(size=width) for name in parts}
        second = {name: rng.normal(size=width) for name in parts}
        found.append(
            block(
                lambda x, y: float(np.mean((x - y) ** 2)),
                outcome(first),
                {name: outcome(first | {name: second[name]}) for name in parts},
                {name: outcome(second | {name: first[name]}) for name in parts},
                outcome(second),
            )
        )
    return found


def true_effects(parts: dict[str, float], joint: float, name: str) -> tuple[float, float]:
    """(total, main) of a source in that study."""
    whole = sum(parts.values()) + joint
    return (parts[name] + joint) / whole, parts[name] / whole


def predicted(
    rng: np.random.Generator, runs: int, taste: float = 0.0, examples: int = 150
) -> np.ndarray:
    """Labels of three classes, (runs, examples), on examples that are always the same.

    A run leans to one side on many examples at once. ``taste`` moves what a kind of run
    predicts: two kinds of equal taste differ as two seeds do.
    """
    fixed = np.random.default_rng(12345)
    easy = fixed.normal(size=(examples, 3)) * 1.5
    lean = fixed.normal(size=(4, examples, 3)) * 0.4
    change = fixed.normal(size=(examples, 3)) * taste
    scores = easy + change + np.tensordot(rng.normal(size=(runs, 4)), lean, 1)
    scores += rng.normal(size=(runs, examples, 3)) * 0.5
    return np.asarray(scores.argmax(axis=2))


#: Pairs after which a simulated comparison stays open; one that measures how many it takes.
PAIRS, ACCURACY_PAIRS = 60, 400


@dataclass(frozen=True)
class Row:
    """A line of the table.

    ``least`` and ``most`` bound the share of trials that come out true, None where nothing is
    promised.
    """

    what: str
    case: str
    trial: Callable[[Generator], bool]
    least: float | None = None
    most: float | None = None

    def share(self, trials: int, seed: int = 0) -> float:
        """Of ``trials``, with a generator of its own: rows can be run in any order."""
        rng = np.random.default_rng([seed, *f"{self.what}, {self.case}".encode()])
        return float(np.mean([self.trial(rng) for _ in range(trials)]))

    def holds(self, share: float, trials: int) -> bool:
        """Whether the share of so many trials is consistent with what is promised."""
        return (self.least is None or many(share, self.least, trials)) and (
            self.most is None or few(share, self.most, trials)
        )

    def promise(self) -> str:
        """``at least 95 %``, ``at most 5 %`` or ``-``."""
        if self.least is not None:
            return f"at least {100 * self.least:.0f} %"
        return "-" if self.most is None else f"at most {100 * self.most:.0f} %"


@dataclass(frozen=True)
class Shape:
    """A distribution of runs with its mean and standard deviation, and its bounds."""

    draw: Callable[[Generator, int], np.ndarray]
    mean: float = 0.0
    sd: float = 1.0
    bounds: tuple[float, float] | None = None


def _accuracy(p: float, examples: int = 100) -> Shape:
    sd = math.sqrt(p * (1 - p) / examples)
    return Shape(lambda rng, n: rng.binomial(examples, p, n) / examples, p, sd, (0.0, 1.0))


def _collapsing(share: float, fall: float) -> Shape:
    """An accuracy of 0.9 or so, of which a share of runs falls."""
    mean, sd = 0.9 - share * fall, math.sqrt(0.005**2 + share * (1 - share) * fall**2)
    return Shape(
        lambda rng, n: 0.9 - fall * (rng.random(n) < share) + 0.005 * rng.normal(size=n),
        mean,
        sd,
        (0.0, 1.0),
    )


SHAPES = {
    "normal": Shape(lambda rng, n: rng.normal(size=n)),
    "uniform": Shape(lambda rng, n: rng.random(n), 0.5, math.sqrt(1 / 12)),
    "heavy tails (t, 5 df)": Shape(lambda rng, n: rng.standard_t(5, n), 0.0, math.sqrt(5 / 3)),
    "heavy tails (t, 3 df)": Shape(lambda rng, n: rng.standard_t(3, n), 0.0, math.sqrt(3)),
    "skewed (exponential)": Shape(lambda rng, n: rng.exponential(size=n), 1.0, 1.0),
    "skewed (lognormal, sigma 1)": Shape(
        lambda rng, n: rng.lognormal(size=n), math.exp(0.5), math.sqrt((math.e - 1) * math.e)
    ),
    "accuracy 90 % on 100 examples": _accuracy(0.9),
    "accuracy 98 % on 100 examples": _accuracy(0.98),
    "one collapse in ten, by 0.6": _collapsing(0.1, 0.6),
}


def rows() -> Iterator[Row]:
    """All of them, in the order of the table."""
    yield from means()
    yield from deviations()
    yield from shares()
    yield from sources()
    yield from predictions()
    yield from fixed_pairs()
    yield from peeking()
    yield from verifying()


def means() -> Iterator[Row]:
    promised = {"normal": 0.95, "uniform": 0.93, "accuracy 90 % on 100 examples": 0.94}
    for name in (
        "normal",
        "heavy tails (t, 5 df)",
        "skewed (exponential)",
        "accuracy 90 % on 100 examples",
        "accuracy 98 % on 100 examples",
        "one collapse in ten, by 0.6",
    ):
        for n in (2, 5, 20):
            yield Row("mean, t interval", f"{name}, n = {n}", _mean(SHAPES[name], n),
                      promised.get(name))  # fmt: skip


def _mean(shape: Shape, n: int) -> Callable[[Generator], bool]:
    return lambda rng: shape.mean in intervals.mean(shape.draw(rng, n), bounds=shape.bounds)


def deviations() -> Iterator[Row]:
    for name, shape in SHAPES.items():
        for n in (5, 20, 50):
            promised = None if "lognormal" in name or "3 df" in name or "collapse" in name else 0.93
            yield Row("standard deviation", f"{name}, n = {n}", _deviation(shape, n), promised)


def _deviation(shape: Shape, n: int) -> Callable[[Generator], bool]:
    return lambda rng: shape.sd in intervals.spread(shape.draw(rng, n), bounds=shape.bounds)


def shares() -> Iterator[Row]:
    for p, n in ((0.02, 10), (0.3, 10), (0.02, 50)):
        yield Row("a share of runs, Clopper-Pearson", f"{100 * p:.0f} %, n = {n}",
                  _share(p, n), 0.95)  # fmt: skip
    yield Row("false alarms: the own run is unusual", "normal, n = 39",
              lambda rng: intervals.place(rng.normal(), rng.normal(size=39)).ordinary() is False,
              None, 0.05)  # fmt: skip
    for p, q in ((0.0, 0.1), (0.3, 0.7)):
        yield Row("difference of failure rates", f"{100 * p:.0f} and {100 * q:.0f} %, n = 10",
                  _rates(p, q, 10), 0.95)  # fmt: skip


def _share(p: float, n: int) -> Callable[[Generator], bool]:
    return lambda rng: p in intervals.proportion(int(rng.binomial(n, p)), n)


def _rates(p: float, q: float, n: int) -> Callable[[Generator], bool]:
    return lambda rng: (
        q - p in rates.rate_difference(rng.random(n) < p, rng.random(n) < q).difference
    )


THREE = {"initialization": 0.5, "data-order": 0.3, "noise": 0.2}


def sources() -> Iterator[Row]:
    for blocks, joint, width, least in (
        (20, 0.0, 1, 0.93), (20, 0.6, 20, 0.93), (50, 0.6, 20, 0.94), (20, 0.6, 1, 0.9),
    ):  # fmt: skip
        kind = "metric" if width == 1 else "predictions"
        case = f"{kind}, {blocks} blocks, {joint:.0%} joint".replace("%", " %")
        yield Row("total effect", case, _effect(blocks, joint, width, "total"), least)
        yield Row("main effect", case, _effect(blocks, joint, width, "main"), least)
    for blocks in (2, 3, 5, 20, 50):
        yield Row("total effect of a small source", f"accuracy of 100 examples, {blocks} blocks",
                  _small_source(blocks), 0.9)  # fmt: skip


def _effect(blocks: int, joint: float, width: int, which: str) -> Callable[[Generator], bool]:
    parts = {name: part * (1 - joint) for name, part in THREE.items()}
    truths = {name: true_effects(parts, joint, name) for name in parts}

    def trial(rng: Generator) -> bool:
        found = {e.source: e for e in effects(study(rng, blocks, parts, joint, width), list(parts))}
        name = list(parts)[int(rng.integers(3))]
        estimate: Estimate = getattr(found[name], which)
        return truths[name][0 if which == "total" else 1] in estimate

    return trial


#: Variances, on the scale of the logit, by which sources move an accuracy near 0.9.
_LOGIT = {"initialization": 0.15, "noise": 0.002}


def _accuracy_blocks(rng: Generator, blocks: int) -> list[Block]:
    """Blocks of two sources, the second of which seldom moves an accuracy by a step."""

    def outcome(first: float, second: float) -> float:
        z = 2.2 + math.sqrt(0.15) * first + math.sqrt(0.002) * second
        return round(100 / (1 + math.exp(-z))) / 100

    found = []
    for _ in range(blocks):
        (a, b), (c, d) = rng.normal(size=2), rng.normal(size=2)
        found.append(
            block(
                lambda x, y: (x - y) ** 2,
                outcome(a, b),
                {"initialization": outcome(c, b), "noise": outcome(a, d)},
                {"initialization": outcome(a, d), "noise": outcome(c, b)},
                outcome(c, d),
            )
        )
    return found


@cache
def _true_small_source() -> float:
    (_, small) = effects(_accuracy_blocks(np.random.default_rng(1), 20_000), list(_LOGIT))
    return small.total.value


def _small_source(blocks: int) -> Callable[[Generator], bool]:
    def trial(rng: Generator) -> bool:
        (_, small) = effects(_accuracy_blocks(rng, blocks), list(_LOGIT))
        return math.isnan(small.total.value) or _true_small_source() in small.total

    return trial


@cache
def _true_churn() -> float:
    return float(flip_rates(predicted(np.random.default_rng(1), 4000)).mean())


def predictions() -> Iterator[Row]:
    for n in (2, 5, 20):
        yield Row("churn, jackknife over runs", f"n = {n}",
                  partial(lambda n, rng: _true_churn() in churn_of(predicted(rng, n)), n),
                  0.95)  # fmt: skip
    yield Row("excess churn, jackknife", "n = 10, no change",
              lambda rng: 0.0 in _excess(rng).excess, 0.95)  # fmt: skip
    yield Row(
        "false alarms: excess churn", "n = 10", lambda rng: _excess(rng).p <= 0.05, None, 0.05
    )
    own = np.random.default_rng(9).uniform(0.15, 0.85, 500)
    for sd in (0.0, 0.02):
        yield Row("training variance without test noise", f"20 runs, true sd {sd}",
                  _training(own, sd), 0.93)  # fmt: skip


def _excess(rng: Generator) -> ExcessChurn:
    return excess_churn(predicted(rng, 10), predicted(rng, 10), rng, permutations=300)


def _training(own: np.ndarray, sd: float) -> Callable[[Generator], bool]:
    def trial(rng: Generator) -> bool:
        errors = rng.random((20, 500)) < own + sd * rng.normal(size=(20, 1))
        return sd**2 in variance_parts(errors).training

    return trial


def fixed_pairs() -> Iterator[Row]:
    for n in (2, 3, 5, 20):
        for p in (0.9, 0.97):
            yield Row("P(B > A), Brunner-Munzel on logits",
                      f"accuracies 90 and {100 * p:.0f} %, n = {n}",
                      _above(p, n), 0.95)  # fmt: skip
    for n in (5, 20):
        yield Row("false alarms: sign flips", f"normal, n = {n}",
                  partial(lambda n, rng: paired.sign_flip(rng.normal(size=n), rng) <= 0.05, n),
                  None, 0.05)  # fmt: skip
        yield Row("false alarms: TOST at its margin", f"normal, n = {n}",
                  partial(lambda n, rng: paired.equivalence(
                      rng.normal(size=n), rng.normal(size=n) + 1, 1.0
                  ).equivalent, n), None, 0.05)  # fmt: skip
        yield Row("ratio of deviations, jackknife on log", f"normal, n = {n}",
                  partial(lambda n, rng: 2.0 in spread_ratio(
                      rng.normal(size=n), 2 * rng.normal(size=n), rng, permutations=20
                  ).ratio, n), 0.93)  # fmt: skip
        yield Row("mean of B - A, t interval over pairs", f"normal, n = {n}",
                  partial(lambda n, rng: 1.0 in paired.shift(
                      rng.normal(size=n), rng.normal(size=n) + 1
                  ), n), 0.95)  # fmt: skip
        for how, by_seed in (("swapping within pairs", True), ("Levene", False)):
            yield Row(f"false alarms: spreads by {how}", f"normal, n = {n}",
                      partial(lambda n, by_seed, rng: spread_ratio(
                          rng.normal(size=n), rng.normal(size=n), rng,
                          paired_by_seed=by_seed, permutations=500
                      ).p <= 0.05, n, by_seed), None, 0.05)  # fmt: skip
    for p in (0.1, 0.5):
        yield Row("false alarms: failure rates, McNemar", f"{100 * p:.0f} % of each, 20 pairs",
                  partial(lambda p, rng: rates.rate_difference(
                      rng.random(20) < p, rng.random(20) < p
                  ).p <= 0.05, p), None, 0.05)  # fmt: skip
    yield Row("false alarms: any of five metrics, adjusted", "normal, no change, n = 20",
              lambda rng: bool((paired.adjusted(
                  [paired.sign_flip(rng.normal(size=20), rng) for _ in range(5)]
              ) <= 0.05).any()), None, 0.05)  # fmt: skip
    yield Row("false alarms: TOST", "59 pairs of which 5 % differ by 0.1, margin 0.001",
              lambda rng: paired.equivalence(
                  np.zeros(59), -0.1 * (rng.random(59) < 0.05), 0.001
              ).equivalent, None, 0.05)  # fmt: skip


@cache
def _true_above(p: float) -> float:
    from scipy import stats

    a, b = (stats.binom.pmf(np.arange(101), 100, q) for q in (0.9, p))
    return float(np.sum(b * (np.cumsum(a) - a / 2)))


def _above(p: float, n: int) -> Callable[[Generator], bool]:
    return lambda rng: (
        _true_above(p) in paired.probability(rng.binomial(100, 0.9, n), rng.binomial(100, p, n))
    )


def _between_accuracies(rng: Generator, n: int) -> np.ndarray:
    return (rng.binomial(100, 0.9, n) - rng.binomial(100, 0.9, n)) / 100


def _skewed_accuracies(rng: Generator, n: int) -> np.ndarray:
    return rng.binomial(100, rng.beta(9, 1, n)) / 100 - 0.9


def _collapses(rng: Generator, n: int) -> np.ndarray:
    """B is 0.01 better, and 0.09 worse in one run of ten; some noise."""
    return np.where(rng.random(n) < 0.1, -0.09, 0.01) + 0.005 * rng.normal(size=n)


def _far_collapses(rng: Generator, n: int) -> np.ndarray:
    return np.where(rng.random(n) < 0.1, -0.63, 0.07) + 0.02 * rng.normal(size=n)


def _autocorrelated(rng: Generator, n: int) -> np.ndarray:
    d = rng.normal(size=n)
    for i in range(1, n):
        d[i] = 0.5 * d[i - 1] + math.sqrt(0.75) * d[i]
    return d


Draw = Callable[[Generator, int], np.ndarray]
#: Differences with a mean of 0, and what `compare` promises for them where bounds are not known.
EQUAL_MEANS: dict[str, tuple[Draw, float | None]] = {
    "normal": (lambda rng, n: rng.normal(size=n), 0.05),
    "heavy tails (t, 3 df)": (lambda rng, n: rng.standard_t(3, n), 0.05),
    "heavy tails (Cauchy)": (lambda rng, n: rng.standard_cauchy(n), 0.05),
    "accuracies on 100 examples": (_between_accuracies, 0.05),
    "skewed accuracies (beta-binomial)": (_skewed_accuracies, 0.05),
    "skewed (exponential)": (lambda rng, n: rng.exponential(size=n) - 1, 0.05),
    "skewed (lognormal, sigma 1)": (lambda rng, n: rng.lognormal(size=n) - math.exp(0.5), 0.05),
    "B far off by 0.1 in one run of ten": (_collapses, None),
    "autocorrelated (0.5)": (_autocorrelated, None),
}
#: Of metrics between 0 and 1, such as accuracy.
BOUNDED_MEANS: dict[str, Draw] = {
    "accuracies on 100 examples": _between_accuracies,
    "skewed accuracies (beta-binomial)": _skewed_accuracies,
    "B collapses by 0.1 in one run of ten": _collapses,
    "B collapses by 0.7 in one run of ten": _far_collapses,
}
_SYMMETRIC = sequential.SequentialTest()
_BOUNDED = sequential.SequentialTest(assumption=sequential.BOUNDED, bounds=(-1.0, 1.0))


def first_verdict(d: np.ndarray, question: sequential.SequentialTest) -> tuple[str, int]:
    """The verdict that ends a comparison, and after how many pairs."""
    for pairs, verdict in enumerate(sequential.verdicts(d, question), 1):
        if verdict != INCONCLUSIVE:
            return verdict, pairs
    return INCONCLUSIVE, d.size


def _ends(
    draw: Draw, question: sequential.SequentialTest, *verdicts: str, pairs: int = PAIRS
) -> Callable[[Generator], bool]:
    return lambda rng: first_verdict(draw(rng, pairs), question)[0] in verdicts


def peeking() -> Iterator[Row]:
    looks = f"{PAIRS} looks"
    yield Row("false alarms: t test after every pair", f"normal, {looks}", _t_test)
    for name, (draw, most) in EQUAL_MEANS.items():
        yield Row("false alarms: `compare`, a loss or `--assume symmetric`", f"{name}, {looks}",
                  _ends(draw, _SYMMETRIC, BETTER, WORSE), None, most)  # fmt: skip
    for name, draw in BOUNDED_MEANS.items():
        yield Row("false alarms: `compare`, a metric between 0 and 1", f"{name}, {looks}",
                  _ends(draw, _BOUNDED, BETTER, WORSE), None, 0.05)  # fmt: skip
    yield Row("coverage after every pair: B - A", f"normal, {looks}", _covers, 0.95)
    yield Row("coverage after every pair: B - A, a metric between 0 and 1",
              f"B collapses by 0.7 in one run of ten, {looks}", _covers_bounded, 0.95)  # fmt: skip
    yield Row("wrongly equivalent", "B 0.1 worse in 5 % of pairs, no margin, 100 looks",
              _ends(lambda rng, n: -0.1 * (rng.random(n) < 0.05), _SYMMETRIC, EQUIVALENT,
                    pairs=100), None, 0.05)  # fmt: skip
    at_margin = sequential.SequentialTest(margin=1.0)
    yield Row("wrongly equivalent", f"normal, a difference of the margin, {looks}",
              _ends(lambda rng, n: rng.normal(size=n) + 1, at_margin, EQUIVALENT),
              None, 0.05)  # fmt: skip
    yield Row("equivalent", f"normal, no difference, margin 1 sd, {looks}",
              _ends(lambda rng, n: rng.normal(size=n), at_margin, EQUIVALENT), 0.9)  # fmt: skip
    for gap in (0.5, 1.0):
        yield Row("better", f"normal, {gap} sd, {looks}",
                  _ends(partial(lambda gap, rng, n: rng.normal(size=n) + gap, gap),
                        _SYMMETRIC, BETTER),
                  0.6 if gap == 0.5 else 0.97)  # fmt: skip

    for gap, least in ((0.08, 0.8), (0.1, 0.97)):
        yield Row("better, a metric between 0 and 1",
                  f"an accuracy higher by {gap}, sd 0.03, {looks}",
                  _ends(partial(lambda gap, rng, n: gap + 0.03 * rng.normal(size=n), gap),
                        _BOUNDED, BETTER), least)  # fmt: skip


def _t_test(rng: Generator) -> bool:
    d = rng.normal(size=PAIRS)
    return any(0.0 not in intervals.mean(d[:n]) for n in range(2, PAIRS + 1))


def _covers(rng: Generator) -> bool:
    d = rng.normal(size=PAIRS)
    return all(0.0 in sequential.confidence_sequence(d[:n]) for n in range(7, PAIRS + 1, 4))


def _covers_bounded(rng: Generator) -> bool:
    d = _far_collapses(rng, PAIRS)
    return all(
        0.0 in sequential.confidence_sequence(d[:n], _BOUNDED) for n in range(7, PAIRS + 1, 4)
    )


def verifying() -> Iterator[Row]:
    for verdict in (groups.EQUAL, groups.DIFFERENT):
        yield Row(f"`verify --margin`: called {verdict}", "normal, a shift of the margin, n = 10",
                  partial(lambda verdict, rng: groups.equivalence(
                      list(rng.normal(size=10)), list(rng.normal(size=10) + 1), 1.0, needed=False
                  ).verdict == verdict, verdict), None, 0.05)  # fmt: skip
    for n in (5, 8, 23):
        for verdict in (groups.EQUAL, groups.DIFFERENT):
            yield Row(f"`verify`: called {verdict}", f"normal, a shift of 1 sd, n = {n}",
                      _verified(n, 1.0, verdict), None, 0.05)  # fmt: skip
    yield Row("`verify`: called equal", "normal, no shift, n = 23",
              _verified(23, 0.0, groups.EQUAL), 0.9)  # fmt: skip
    yield Row("`verify`: called different", "normal, a shift of 2 sd, n = 23",
              _verified(23, 2.0, groups.DIFFERENT), 0.9)  # fmt: skip


def _verified(n: int, shift: float, verdict: str) -> Callable[[Generator], bool]:
    return lambda rng: (
        groups.equivalence(
            list(rng.normal(size=n)), list(rng.normal(size=n) + shift), needed=False
        ).verdict
        == verdict
    )


def pairs_to_verdict(gap: float, trials: int, seed: int = 0) -> tuple[list[int], list[int]]:
    """Pairs until "better" of normal differences with that mean: the rule, and the one before."""
    rng = np.random.default_rng([seed, round(1000 * gap)])
    now, before = [], []
    for _ in range(trials):
        d = rng.normal(size=2 * PAIRS) + gap
        now.append(first_verdict(d, _SYMMETRIC)[1])
        before.append(_before(d))
    return now, before


def pairs_of_accuracies(gap: float, trials: int, seed: int = 0) -> tuple[list[int], ...]:
    """Pairs until "better" of accuracies with that difference and a standard deviation of 0.03.

    With nothing assumed but their bounds, the same with the stakes before these (0.2 and 0.95 of
    what bounds allow), and for symmetric differences.
    """
    rng = np.random.default_rng([seed, round(1000 * gap)])
    level = _BOUNDED.level
    found: tuple[list[int], ...] = ([], [], [])
    for _ in range(trials):
        d = gap + 0.03 * rng.normal(size=ACCURACY_PAIRS)
        earlier = np.cumsum(np.log1p(np.multiply.outer(d, (0.2, 0.95))), axis=0)
        for pairs, capital in zip(found, (bets.bounded(d, 0.0, -1, 1)[0], earlier), strict=False):
            above = bets.total(capital) >= level
            pairs.append(int(above.argmax()) + 1 if above.any() else d.size)
        found[2].append(first_verdict(d, _SYMMETRIC)[1])
    return found


def _before(d: np.ndarray, alpha: float = 0.05) -> int:
    """Pairs of the rule that this one replaced: the t sequence and a sub-Gaussian process."""
    n = np.arange(1, d.size + 1)
    scale = np.sqrt(np.cumsum(d**2) / n)
    s, v = np.cumsum(d / scale), np.cumsum((d / scale) ** 2)
    symmetric = s**2 / (2 * (1 + v)) - np.log1p(v) / 2
    r, mean = 1 + n, np.cumsum(d) / n
    squares = np.maximum(np.cumsum(d**2) - n * mean**2, 1e-300)
    t = n / 2 * np.log((squares + n * mean**2) / (squares + n * mean**2 / r)) - np.log(r) / 2
    settled = (symmetric >= math.log(1 / alpha)) & (t >= math.log(1 / alpha)) & (n > 1)
    return int(settled.argmax()) + 1 if settled.any() else d.size
