"""Training hybrids of two fits and working out what each source is worth."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from whydiff.core.feeding import NO_TIME, OutOfTime, TransferError
from whydiff.core.hybrids import Coalition, HybridTrainer, TrainedHybrid, Trajectory
from whydiff.core.progress import Progress
from whydiff.core.words import listed, percent
from whydiff.diagnosis.attribution import alone, coalitions, remaining, shapley
from whydiff.diagnosis.compared import ENVIRONMENT, ComparedSides
from whydiff.diagnosis.moments import Moments
from whydiff.diagnosis.sources import source
from whydiff.stats.distances import churn, prediction_distance, relative_weight_distance
from whydiff.stats.ulp import ALLOWED, SHOWS

#: At most this many hybrids are trained without being asked for more time.
MOST_HYBRIDS = 32
#: Seconds of training that nobody needs to be asked about.
PATIENCE = 600.0
#: Seconds of training still to come from which on a person is told what is known so far.
WORTH_TELLING = 20.0
#: A source that alone moves the result this far, and leaves half of the distance when only it is
#: made equal, is one of several such: either they offset each other or the training amplifies.
NEARLY_ALL = 0.8
HALF = 0.5


@dataclass
class Trials:
    """Everything the hybrids showed. Distances are in units of the distance from A to B.

    ``bound`` are sources that fit the other training only together (data of another shape and
    the model for them); in ``sources`` and in coalitions the first of them stands for all.
    """

    sources: list[str]  # that were transferred, alone or together
    a: TrainedHybrid
    b: TrainedHybrid
    #: by side: logged against evaluated training loss, in parts
    measured: dict[str, dict[str, float]] = field(default_factory=dict)
    hybrids: dict[Coalition, TrainedHybrid] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)  # source -> why it cannot be moved
    together: list[tuple[list[str], str]] = field(default_factory=list)  # refused as a set
    bound: tuple[str, ...] = ()
    left_out: int = 0  # hybrids for which there was no time
    how: str = ""  # how hybrids were trained
    moments: Moments | None = None  # at which A and B are looked at on the way
    looked: dict[str, Trajectory] = field(default_factory=dict)  # what was seen of them, by side
    nudged: TrainedHybrid | None = None  # A, with one initial weight an ULP away

    @property
    def control_failed(self) -> bool:
        """Whether A was trained again from its own fields and ended with other bits."""
        return frozenset() in self.hybrids and not self.reproduces_a()

    def weighs(self, coalition: Coalition) -> bool:
        """Whether the final weights of a hybrid, which may be large, are measured: for want of
        predictions that differ, or where it may only round otherwise."""
        return self.measure == "weights" or any(map(self.may_round, coalition))

    def may_round(self, name: str) -> bool:
        """Whether a source can act by rounding alone: the surroundings, or initial weights that
        other surroundings computed (an orthogonal matrix)."""
        beside = name == "initialization" and bool({*ENVIRONMENT} & {*self.sources})
        return name in ENVIRONMENT or beside

    def stands_for(self, name: str) -> str:
        """Who stands for ``name`` in coalitions: itself, or the first source it is bound to."""
        return self.bound[0] if name in self.bound else name

    def side_of(self, coalition: Coalition) -> str:
        """Whose fields a hybrid has alone: "a", "b", or "" for a mixture."""
        return "a" if not coalition else "b" if coalition == frozenset(self.sources) else ""

    @property
    def longest(self) -> float:
        """Seconds of the longest training, of one that nobody looked at if there is any."""
        mixed = [t.seconds for c, t in self.hybrids.items() if not self.side_of(c)]
        return max(mixed or [t.seconds for t in self.hybrids.values()])

    @cached_property
    def measure(self) -> str:
        """What distances are of: "predictions", or "weights" where A and B predict the same."""
        known = self.a.predictions is not None and self.b.predictions is not None
        return "predictions" if known and _distance(self.a, self.b) != 0 else "weights"

    def _apart(self, one: TrainedHybrid, other: TrainedHybrid) -> float:
        far = _distance if self.measure == "predictions" else _weight_distance
        return far(one, other)

    @property
    def whole(self) -> float:
        return self._apart(self.a, self.b)

    def value(self, coalition: Coalition) -> float:
        """Distance of a hybrid from A; 1.0 where predictions cannot be compared."""
        distance = self._apart(self.a, self.hybrids[coalition])
        if not math.isfinite(distance):
            return 1.0
        whole = self.whole
        return distance / whole if math.isfinite(whole) and whole > 0 else float(distance > 0)

    def reproduces_a(self) -> bool:
        return self._same(frozenset(), self.a)

    def reproduces_b(self) -> bool:
        return self._same(frozenset(self.sources), self.b)

    def _same(self, coalition: Coalition, wanted: TrainedHybrid) -> bool:
        made = self.hybrids.get(coalition)
        return made is not None and sorted(made.digests) == sorted(wanted.digests)

    def matters(self, name: str) -> bool:
        """Whether taking this source from B, or making it equal to A's, changes a single bit."""
        name, everything = self.stands_for(name), frozenset(self.sources)
        pairs = [
            (frozenset(), frozenset([name])),
            (everything - {name}, everything),
        ]
        return any(
            sorted(self.hybrids[x].digests) != sorted(self.hybrids[y].digests)
            for x, y in pairs
            if x in self.hybrids and y in self.hybrids
        )

    def changes_logs(self, name: str) -> bool:
        """Whether taking this source from B changes a number that A logs."""
        made = self.hybrids.get(frozenset([self.stands_for(name)]))
        control = self.hybrids.get(frozenset())
        return bool(made and control and repr(made.logs) != repr(control.logs))  # NaN equals NaN

    def unexplained(self) -> float:
        """Part of the distance that the fields taken from B leave: 0.0 if all of B's give B.

        1.0 where A could not be reproduced: then nothing is explained.
        """
        if not self.reproduces_a():
            return 1.0
        everything = frozenset(self.sources)
        if everything not in self.hybrids or self.reproduces_b():
            return 0.0
        distance, whole = self._apart(self.b, self.hybrids[everything]), self.whole
        return distance / whole if whole and math.isfinite(distance) else 1.0

    def grown(self) -> tuple[float, float] | None:
        """How far one ULP in one initial weight of A moved the result, None if not measured.

        (relative distance of the final weights, part of the distance from A to B).
        """
        if self.nudged is None:
            return None
        moved, whole = self._apart(self.a, self.nudged), self.whole
        part = moved / whole if whole and math.isfinite(moved) and math.isfinite(whole) else 0.0
        return _weight_distance(self.a, self.nudged), part

    def slight(self, name: str) -> bool:
        """Whether a source moves the weights so little that it may only round otherwise; that is
        then measured."""
        made = self.hybrids.get(frozenset([name]))
        if made is None or not self.may_round(name) or not self.reproduces_a():
            return False
        return self.matters(name) and _weight_distance(self.a, made) < SHOWS

    def rounds_only(self, name: str) -> bool:
        """Whether taken from B alone it does no more than one ULP in one weight was measured to
        do, or ends within the last place of all that it ends with; and changes the class of no
        prediction."""
        made = self.hybrids.get(frozenset([name]))
        if self.nudged is None or made is None or not self.slight(name):
            return False
        grown = [ALLOWED * d(self.a, self.nudged) for d in (_weight_distance, _distance)]
        weights = max(grown[0], _last_place(self.a.weights.values()))
        outputs = self.a.predictions
        if outputs is None:
            return _weight_distance(self.a, made) <= weights
        scale = prediction_distance(outputs, [np.zeros_like(one) for one in outputs])
        near = _weight_distance(self.a, made) <= weights
        close = _distance(self.a, made) <= max(grown[1], _last_place(outputs) * scale)
        return near and close and _same_classes(self.a, made)

    def hardly_moves(self, name: str) -> float | None:
        """How far a source moves the result, in parts of its size, where taken from B alone that
        is a few units in the last place; None for any other."""
        made = self.hybrids.get(frozenset([name]))
        if made is None or not self.reproduces_a() or self.may_round(name):
            return None
        if self.measure == "weights" or not (self.a.predictions and made.predictions):
            moved, ended = _weight_distance(self.a, made), [*self.a.weights.values()]
        else:
            ended = self.a.predictions
            size = prediction_distance(ended, [np.zeros_like(one) for one in ended])
            moved = _distance(self.a, made) / size if size else math.inf
        return moved if 0.0 < moved <= ALLOWED * _last_place(ended) else None

    def so_far(self) -> str:
        """What the hybrids of single sources have shown, while others are still trained; "" where
        A was not reproduced, or the gap has no size. One whose distance has none is left out."""
        if not self.reproduces_a() or not math.isfinite(self.whole) or not self.whole:
            return ""
        made = {s: self.hybrids.get(frozenset([s])) for s in self.sources}
        moved = {s: self._apart(self.a, m) for s, m in made.items() if m is not None}
        singles = {s: far / self.whole for s, far in moved.items() if math.isfinite(far)}
        ranked = sorted(singles, key=lambda s: -singles[s])
        parts = listed([f"{source(s).title} {percent(singles[s])}" for s in ranked])
        return f"so far, taken from B alone: {parts} of the gap" if parts else ""

    @cached_property
    def values(self) -> dict[Coalition, float]:
        return {coalition: self.value(coalition) for coalition in self.hybrids}

    def worth(self, name: str) -> tuple[float | None, float | None, float | None]:
        """(share, alone, remaining) of a source; None where its hybrids could not be trained.

        Bound sources share alike, the Shapley value of players who only together are worth
        anything, and have no worth alone.
        """
        if name in self.bound:
            share, *_ = self._worth(self.bound[0])
            return None if share is None else share / len(self.bound), None, None
        return self._worth(name)

    def _worth(self, name: str) -> tuple[float | None, float | None, float | None]:
        everything = frozenset(self.sources)
        needed = [frozenset(), everything]
        needed += [c for s in self.sources for c in (frozenset([s]), everything - {s})]
        if any(c not in self.values for c in needed):
            single = self.values.get(frozenset([name]))
            return None, single, self.values.get(everything - {name})
        return (
            shapley(self.values, self.sources)[name],
            alone(self.values, self.sources, name),
            remaining(self.values, self.sources, name),
        )


def _last_place(values: Iterable[np.ndarray]) -> float:
    """A unit in the last place of these values, relative to them; 0.0 where none is a float."""
    kinds = [np.asarray(v).dtype for v in values]
    return max((float(np.finfo(k).eps) for k in kinds if k.kind == "f"), default=0.0)


def _distance(one: TrainedHybrid, other: TrainedHybrid) -> float:
    if one.predictions is None or other.predictions is None:
        return _weight_distance(one, other)
    return prediction_distance(one.predictions, other.predictions)


def _same_classes(one: TrainedHybrid, other: TrainedHybrid) -> bool:
    if one.predictions is None or other.predictions is None:
        return True
    return churn(one.predictions, other.predictions) == 0.0


def _weight_distance(one: TrainedHybrid, other: TrainedHybrid) -> float:
    """For want of predictions; infinite where the weights cannot be compared either."""
    shapes = [{name: v.shape for name, v in side.weights.items()} for side in (one, other)]
    if shapes[0] != shapes[1]:
        return math.inf
    return relative_weight_distance(one.weights, other.weights)


def untrained(
    compared: ComparedSides,
    why: str,
    weights: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]] = ({}, {}),
) -> Trials:
    """What is known where nothing could be trained again: the recordings, and why.

    ``weights`` are the final ones of A and B by path, as far as they were kept.
    """
    a, b = (
        TrainedHybrid(tuple(t.digest for t in side.fit.final), None, final, [])
        for side, final in zip((compared.a, compared.b), weights, strict=True)
    )
    return Trials([], a, b, refused=dict.fromkeys(compared.differing, why))


def program_key(coalition: Coalition) -> tuple[str, ...]:
    """Hybrids of equal key train with one compiled program; sorted, each is compiled once."""
    return tuple(sorted(s for s in coalition if source(s).kind in ("structure", "environment")))


def run_trials(
    hybrid_trainer: HybridTrainer,
    sources: Sequence[str],
    budget: float | None,
    progress: Progress,
    moments: Moments | None = None,
) -> Trials:
    """Train hybrids of ``sources`` as far as the budget (seconds) goes, the telling ones first.

    A and B themselves are looked at on the way, at ``moments``. Without a budget the telling ones
    are trained however long they take.
    """
    started = time.monotonic()
    trials = Trials(
        list(sources), hybrid_trainer.recall("a"), hybrid_trainer.recall("b"), moments=moments
    )
    trials.how = hybrid_trainer.how
    progress.step("training A again from its own fields", total=1)
    try:
        trials.hybrids[frozenset()] = _train(trials, hybrid_trainer, frozenset())
    except TransferError as why:  # not even A: then nothing can be proven
        trials.refused = dict.fromkeys(trials.sources, str(why))
        trials.sources.clear()
        return trials
    progress.advance()
    limit = budget if budget is not None else PATIENCE
    deadline = started + limit

    def over() -> bool:
        return budget is not None and time.monotonic() + trials.longest > deadline

    def wanted_now() -> list[Coalition]:
        affordable = int(limit / max(trials.longest, 0.01))
        planned = coalitions(trials.sources, min(MOST_HYBRIDS, affordable))
        return [c for c in planned if c not in trials.hybrids]

    whole = tuple(trials.sources)
    total = len(wanted_now())
    progress.step("training hybrids of A and B", total=total)

    def tell() -> None:
        if trials.longest * len(wanted_now()) >= WORTH_TELLING and trials.so_far():
            progress.note(trials.so_far())

    _train_singles(trials, hybrid_trainer, over, progress, tell)
    hybrid_trainer.bind(_bind(trials, hybrid_trainer))
    wanted = wanted_now()
    if whole != tuple(trials.sources) or len(whole) + len(wanted) != total:
        several = "training hybrids of A and B, several sources together"
        progress.step(several, total=len(wanted))
    _train_all(trials, hybrid_trainer, wanted, lambda must: over() or (
        not must and time.monotonic() > deadline
    ), progress)  # fmt: skip
    if not over():
        trials.nudged = _nudged(trials, hybrid_trainer, progress)
    if not over():
        _look_at_b(trials, hybrid_trainer, progress)
    with contextlib.suppress(OutOfTime):
        for side in ("a", "b"):
            parts = hybrid_trainer.measure(side)
            if parts is not None:
                trials.measured[side] = dict(parts)
    return trials


def _train(trials: Trials, hybrid_trainer: HybridTrainer, coalition: Coalition) -> TrainedHybrid:
    """One hybrid. That of A's fields alone, and that of all of B's, are looked at on the way.

    What was looked at proves something only where it ends in the very bits of A or B: else it is
    trained again with nobody looking on.
    """
    weights, side = trials.weighs(coalition), trials.side_of(coalition)
    if trials.moments is not None and side:
        made = hybrid_trainer.train(coalition, moments=trials.moments.of(side), weights=weights)
        recorded = trials.a if side == "a" else trials.b
        if made.trace is None or sorted(made.digests) == sorted(recorded.digests):
            if made.trace is not None:
                trials.looked[side] = made.trace
            return replace(made, trace=None)
    return hybrid_trainer.train(coalition, weights=weights)


def _train_singles(
    trials: Trials,
    hybrid_trainer: HybridTrainer,
    over: Callable[[], bool],
    progress: Progress,
    tell: Callable[[], None],
) -> None:
    """Each source alone; one that cannot be transferred is left out and says why.

    Sources of one compiled program come together, so that each program is compiled once.
    """
    for name in sorted(trials.sources, key=lambda s: program_key(frozenset([s]))):
        if over():
            trials.refused[name] = NO_TIME
            trials.sources.remove(name)
            trials.left_out += 1
            continue
        try:
            trials.hybrids[frozenset([name])] = _train(trials, hybrid_trainer, frozenset([name]))
        except TransferError as why:
            trials.refused[name] = str(why)
            trials.sources.remove(name)
            trials.left_out += isinstance(why, OutOfTime)
        progress.advance()
        tell()


def _bind(trials: Trials, hybrid_trainer: HybridTrainer) -> tuple[str, ...]:
    """Try together what could not be transferred alone; () where that is no training either."""
    refused = tuple(name for name, why in trials.refused.items() if why != NO_TIME)
    if len(refused) < 2:
        return ()
    try:
        together = hybrid_trainer.train(frozenset(refused))
    except TransferError:
        return ()
    trials.bound = refused
    trials.sources.append(refused[0])
    trials.hybrids[frozenset([refused[0]])] = together
    return refused


def _train_all(
    trials: Trials,
    hybrid_trainer: HybridTrainer,
    wanted: Sequence[Coalition],
    no_time: Callable[[bool], bool],
    progress: Progress,
) -> None:
    everything = frozenset(trials.sources)
    must = [c for c in wanted if len(c) in (len(everything), len(everything) - 1)]
    for coalition in sorted(wanted, key=lambda c: (c not in must, program_key(c))):
        if no_time(coalition in must):
            trials.left_out += 1
            continue
        try:
            trials.hybrids[coalition] = _train(trials, hybrid_trainer, coalition)
        except OutOfTime:
            trials.left_out += 1
        except TransferError as why:
            trials.together.append((sorted(coalition), str(why)))
        progress.advance()


def _nudged(
    trials: Trials, hybrid_trainer: HybridTrainer, progress: Progress
) -> TrainedHybrid | None:
    """A from a start one ULP away, where the sizes of several causes ask whether it amplifies, or
    other surroundings may only round otherwise."""
    if not trials.reproduces_a():
        return None
    several = len(trials.sources) > 1
    far = several and any(_far(trials.values, trials.sources, name) for name in trials.sources)
    if not far and not any(map(trials.slight, trials.sources)):
        return None
    progress.step("training A again from a start one ULP away", total=1)
    try:
        nudged = hybrid_trainer.train(frozenset(), nudge=0)
    except TransferError:
        return None
    progress.advance()
    return nudged


def _far(values: Mapping[Coalition, float], sources: Sequence[str], name: str) -> bool:
    """Whether a source is worth nearly the whole distance both alone and beside the others."""
    everything = frozenset(sources)
    one, rest = values.get(frozenset([name]), 0.0), values.get(everything - {name}, 0.0)
    return one > NEARLY_ALL and rest > HALF


def _look_at_b(trials: Trials, hybrid_trainer: HybridTrainer, progress: Progress) -> None:
    """Look at B on its way where it was trained before it was known to be all of B's fields."""
    if trials.moments is None or "a" not in trials.looked or "b" in trials.looked:
        return
    if not (trials.reproduces_a() and trials.reproduces_b()):
        return
    progress.step("training B again, looked at on its way", total=1)
    with contextlib.suppress(TransferError):
        moments, everything = trials.moments.of("b"), frozenset(trials.sources)
        made = hybrid_trainer.train(everything, moments=moments, weights=False)
        if made.trace is not None and sorted(made.digests) == sorted(trials.b.digests):
            trials.looked["b"] = made.trace
        progress.advance()
