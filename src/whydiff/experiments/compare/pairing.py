"""Training pairs of replicas with equal seeds until the question is settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.metrics import value_bounds
from whydiff.core.progress import Progress
from whydiff.core.replicas import Result
from whydiff.stats.paired import INCONCLUSIVE
from whydiff.stats.sequential import (
    BOUNDED,
    SYMMETRIC,
    Look,
    SequentialTest,
    fewest_pairs,
    look,
    more_pairs,
    pair_differences,
)

Results = tuple[Result, Result]
#: Pairs asked for at once after the first few, before which there is no verdict anyway.
CHUNK = 5

SETTLED, CAP, BUDGET, INTERRUPTED = "settled", "cap", "budget", "interrupted"
OUT_OF_REACH = "out of reach"

#: The bounds of the metric where they are known, else symmetric differences.
AUTO = "auto"


@dataclass(frozen=True)
class Rule:
    """How to decide: the metric, which way it goes, the margin, the level, the most pairs.

    ``assumption`` is what is taken for granted of the differences: "symmetric", "bounded", or
    "auto", which is bounded for a metric with known bounds.
    """

    metric: str
    larger_is_better: bool
    margin: float = 0.0
    alpha: float = 0.05
    most: int = 60
    assumption: str = SYMMETRIC

    def value(self, result: Result) -> float:
        """The metric after the last epoch, NaN if the training diverged or failed."""
        return result.final(self.metric)

    def look(self, pairs: Sequence[Results]) -> Look:
        """The verdict of the pairs, in their order; those with a failed replica count for
        nothing."""
        return look(self.differences(pairs), self.test(pairs))

    def more(self, pairs: Sequence[Results]) -> int | None:
        """How many more pairs like these would give a verdict, None if none would."""
        return more_pairs(self.differences(pairs), self.test(pairs))

    def typical(self, pairs: Sequence[Results]) -> Look | None:
        """The verdict on runs like those seen, None if :meth:`look` is about these already.

        It holds if the differences are symmetric, and says nothing of rarer runs.
        """
        test = self.test(pairs)
        if test.assumption == SYMMETRIC:
            return None
        return look(self.differences(pairs), replace(test, assumption=SYMMETRIC))

    def out_of_reach(self, pairs: Sequence[Results]) -> bool:
        """Whether runs like those seen are settled, and ruling out rarer ones takes too many."""
        typical = self.typical(pairs) if self.assumption == AUTO else None
        if typical is None or typical.verdict == INCONCLUSIVE:
            return False
        more = self.more(pairs)
        return more is None or len(pairs) + more > self.most

    def more_for_any_shape(self, pairs: Sequence[Results]) -> int | None:
        """How many more pairs like these would give a verdict from the bounds of the metric alone.

        None if its bounds are not known, or no number would do.
        """
        test = self.test(pairs)
        if test.bounds is None:
            return None
        return more_pairs(self.differences(pairs), replace(test, assumption=BOUNDED))

    def test(self, pairs: Sequence[Results]) -> SequentialTest:
        """What is asked of the differences.

        Raises WhydiffError if they were to be bounded and are not.
        """
        limits = self.bounds(pairs)
        if self.assumption == BOUNDED and limits is None:
            raise WhydiffError(
                f"{self.metric} has no bounds that are known",
                "--assume bounded takes a metric between 0 and 1, as accuracy, AUC and IoU are.",
            )
        width = None if limits is None else limits[1] - limits[0]
        bounds = None if width is None else (-width, width)
        assumption = self.assumption
        if assumption == AUTO:
            assumption = SYMMETRIC if bounds is None else BOUNDED
        return SequentialTest(self.margin, self.alpha, assumption, bounds)

    def bounds(self, pairs: Sequence[Results]) -> tuple[float, float] | None:
        """The bounds of the metric, None where they are not known."""
        return value_bounds(self.metric, (self.value(r) for pair in pairs for r in pair))

    def differences(self, pairs: Sequence[Results]) -> np.ndarray:
        """B - A of every pair without a failure, turned so that larger is better."""
        told = [(a, b) for a, b in pairs if not (a.failure or b.failure)]
        a, b = ([self.value(pair[side]) for pair in told] for side in (0, 1))
        return pair_differences(a, b, larger_is_better=self.larger_is_better)


@dataclass
class TrainedHybrid:
    """The pairs up to the verdict, and those of the same chunk that came after it."""

    pairs: list[Results] = field(default_factory=list)
    surplus: list[Results] = field(default_factory=list)
    stopped: str = CAP


def until_settled(
    train: Callable[[range], Sequence[Results]],
    rule: Rule,
    *,
    chunk: int = CHUNK,
    budget: float | None = None,
    progress: Progress | None = None,
    each: Callable[[int, Results], None] | None = None,
) -> TrainedHybrid:
    """Train pairs in chunks and look after every one; stop at the first verdict, or where none
    is within reach.

    ``train`` gets the numbers of the pairs to train, from 0; ``each`` every pair that counts, with
    its number, as soon as it is trained. Looking costs nothing, so the chunks only save work, and
    the first is as long as any verdict takes unless pairs are trained one by one anyway. The
    budget, in seconds, is checked between chunks: what is known then stands. So it does on Ctrl-C.
    Raises WhydiffError if all of the first pairs fail.
    """
    found = TrainedHybrid()
    deadline = time.monotonic() + budget if budget is not None else None
    first = min(fewest_pairs(rule.alpha), rule.most)
    try:
        while len(found.pairs) < rule.most:
            done = len(found.pairs)
            if done >= first:
                _check_some(found.pairs)
            if deadline is not None and done and time.monotonic() > deadline:
                found.stopped = BUDGET
                break
            size = max(chunk, first - done) if chunk > 1 else 1
            fresh = list(train(range(done, min(done + size, rule.most))))
            if progress is not None:
                progress.advance(len(fresh))
            over = _count(fresh, found, rule, each)
            if over:
                found.stopped = over
                return found
    except KeyboardInterrupt:
        if not found.pairs:
            raise
        found.stopped = INTERRUPTED
    _check_some(found.pairs)
    return found


def _count(
    fresh: Sequence[Results],
    found: TrainedHybrid,
    rule: Rule,
    each: Callable[[int, Results], None] | None,
) -> str:
    """Count trained pairs until none is needed, and why that is; "" where all were."""
    for place, pair in enumerate(fresh):
        found.pairs.append(pair)
        if each is not None:
            each(len(found.pairs) - 1, pair)
        settled = rule.look(found.pairs).verdict != INCONCLUSIVE
        if settled or rule.out_of_reach(found.pairs):
            found.surplus = list(fresh[place + 1 :])
            return SETTLED if settled else OUT_OF_REACH
    return ""


def _check_some(pairs: Sequence[Results]) -> None:
    for side, name in ((0, "A"), (1, "B")):
        failures = [pair[side].failure for pair in pairs]
        if failures and all(failures):
            raise WhydiffError(
                f"no replica of {name} could be trained: {failures[0]}",
                "whydiff record SCRIPT shows what was seen of its training.",
            )
