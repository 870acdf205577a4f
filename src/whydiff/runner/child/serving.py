"""The other half of a child's life: after its script it answers requests about fits and calls.

What is asked and answered is in ``runner/messages.py``; the work is done by ``replay``.
"""

from __future__ import annotations

import functools
import textwrap
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from whydiff.core.chains import numbers
from whydiff.core.digests import tensor_digest
from whydiff.core.errors import unreachable
from whydiff.core.feeding import TransferError
from whydiff.core.hybrids import Pins, StepRecord, TrainedHybrid, Trajectory, TrajectoryPoint
from whydiff.core.live import Live, LiveCall
from whydiff.core.progress import EachEpoch
from whydiff.core.replicas import Result
from whydiff.replay.engines import Engines
from whydiff.replay.outcome import Outcome
from whydiff.replay.probe import pictures_of, targets_of
from whydiff.replay.rerun import Rerun, needs_script
from whydiff.replay.solo import Solo
from whydiff.replay.tensors import look
from whydiff.replay.values import side
from whydiff.runner import codec, messages as m
from whydiff.runner.child.calls import CallServer, related_samples
from whydiff.runner.child.packing import adopted, fit_arrays, fit_of, live_fit
from whydiff.runner.child.recorded import NO_PROGRAM, recorded_fit
from whydiff.runner.job import Job
from whydiff.storage import load

Side = m.OwnFit | m.FitElsewhere | m.FitRecorded


class Server:
    """Answers for one process: about hybrids of two fits, replicas of one fit, measuring calls.

    ``lives`` are this process's own fits, recorded in ``recording``, and ``calls`` its measuring
    calls; ``run`` executes a script watched, and ``job`` describes the one that this process ran.
    ``each_epoch`` is told of those of what is trained.
    """

    def __init__(
        self,
        lives: list[Live],
        run: Callable[..., list[Live]],
        job: Job | None,
        recording: Path,
        calls: Sequence[LiveCall] = (),
        each_epoch: EachEpoch | None = None,
    ) -> None:
        self._hybrids = HybridServer(lives, run, job, recording, each_epoch)
        self._replicas = ReplicaServer(lives, each_epoch)
        self._calls = CallServer(calls, lives)

    def answer(self, request: m.AnyRequest) -> object:
        """What comes of a request; TransferError or WhydiffError with its why."""
        if isinstance(request, m.FitRequest):
            return self._hybrids.answer(request)
        if isinstance(request, m.ReplicaRequest):
            return self._replicas.answer(request)
        return self._calls.answer(request)


class HybridServer:
    """Hybrids of two fits."""

    def __init__(
        self,
        lives: list[Live],
        run: Callable[..., list[Live]],
        job: Job | None,
        recording: Path,
        each_epoch: EachEpoch | None,
    ) -> None:
        self._lives, self._run, self._job, self._recording = lives, run, job, recording
        self._each_epoch = each_epoch
        self._paired: Solo | Rerun | None = None
        self._other: _OtherProgram | None = None

    def answer(self, request: m.FitRequest) -> object:
        """What comes of a request."""
        match request:
            case m.Pair():
                return self.pair(request)
            case m.Pack():
                self.pack(request)
                return None
            case m.RunAgain():
                self._run(request.job)
                return None
            case m.Recall():
                return _trained(self._trainer.recall(request.side))
            case m.Train():
                return self.train(request)
            case m.ExamineStep():
                return self.examine_step(request)
            case m.MeasureLoss():
                return self._trainer.measure(request.side)
            case m.PicturesOfPair():
                return pictures_of(self._trainer.lives["a"], request.positions)
            case m.RelateSamples():
                a, b = (self._trainer.lives[name].material.samples for name in ("a", "b"))
                return related_samples(a, b)
            case _:
                unreachable(request)

    @property
    def _trainer(self) -> Solo | Rerun:
        assert self._paired is not None, "Pair comes first"
        return self._paired

    def pack(self, request: m.Pack) -> None:
        """Write a fit and the loops that belong to it."""
        live = fit_of(self._lives, request.fit)
        companions = {i: fit_arrays(other) for i, other in self._companions(live).items()}
        codec.save(m.TrainingArrays(fit_arrays(live), companions), request.file)

    def pair(self, request: m.Pair) -> m.Paired:
        """Prepare what trains hybrids of two fits, at least one of which is this process's own."""
        sides = {"a": request.a, "b": request.b}
        own = {n: fit_of(self._lives, s.fit) for n, s in sides.items() if isinstance(s, m.OwnFit)}
        like = next(iter(own.values()))
        elsewhere = {n: s for n, s in sides.items() if isinstance(s, m.FitElsewhere)}
        packed: dict[str, m.TrainingArrays] = {
            n: codec.load(s.arrays) for n, s in elsewhere.items()
        }
        recorded = {n: s for n, s in sides.items() if isinstance(s, m.FitRecorded)}
        lives = {
            **own,
            **{n: adopted(s, packed[n], like) for n, s in elsewhere.items()},
            **{n: recorded_fit(s, like) for n, s in recorded.items()},
        }
        self._other = None
        differing = frozenset(request.differing)
        if any(needs_script(live) for live in lives.values()):
            companions = {
                **{n: self._companions(live) for n, live in own.items()},
                **{n: self._adopted_companions(s, packed[n]) for n, s in elsewhere.items()},
                **{n: self._recorded_companions(s, like) for n, s in recorded.items()},
            }
            run = functools.partial(self._again, sides, request.program)
            self._paired = Rerun(lives, companions, differing, run)
        else:
            self._paired = Solo(lives, differing, self._each_epoch)
            for name, elsewhere_side in elsewhere.items():
                self._other = _OtherProgram(name, frozenset(request.program), elsewhere_side)
            for name in recorded:
                self._other = _OtherProgram(name, frozenset(request.program), None, NO_PROGRAM)
        return m.Paired(self._paired.how)

    def _prepare(self, choice: Mapping[str, str]) -> None:
        """Load the other side's program where a hybrid takes live objects from it.

        TransferError where its script does not build it again here.
        """
        other = self._other
        if other is None or not other.wanted(choice):
            return
        there = other.side
        if other.refused or there is None:
            raise TransferError(other.refused)
        assert isinstance(self._paired, Solo)
        try:
            lives = self._run(there.job, Path(there.recording), max(numbers(there.fit)))
        except TransferError as why:
            other.refused = str(why)
            raise
        like = fit_of(lives, there.fit)
        loaded = adopted(there, codec.load(there.arrays), like, own_model=True)
        both = {**self._paired.lives, other.name: loaded}
        self._paired = Solo(both, self._paired.differing, self._each_epoch)
        self._other = None

    def train(self, request: m.Train) -> TrainedHybrid:
        """Train one hybrid. TransferError where Keras refuses a mixture of the two."""
        self._prepare(request.choice)
        started = time.monotonic()
        try:
            outcome, points = self._outcome(request)
        except Exception as error:
            if not request.choice or isinstance(error, TransferError):
                raise
            # Shapes that do not fit, a loss that does not.
            raise TransferError(f"the two do not fit together: {_first_line(error)}") from error
        trace = Trajectory(tuple(points)) if points is not None else None
        seconds = time.monotonic() - started
        made = _trained(outcome, request.weights or outcome.predictions is None)
        return replace(made, seconds=seconds, trace=trace)

    def _outcome(self, request: m.Train) -> tuple[Outcome, list[TrajectoryPoint] | None]:
        trainer = self._trainer
        if isinstance(trainer, Rerun):  # a loop of the script's own is not looked into
            if request.nudge is not None:
                raise TransferError("its loop is the script's own and starts as it does")
            return trainer.train(request.choice, request.until), None
        points: list[TrajectoryPoint] = []

        def keep(
            moment: tuple[int, int],
            logs: dict[str, float],
            weights: Mapping[str, np.ndarray] | None,
        ) -> None:
            kept = None if weights is None else _numbers_by_name(weights)
            points.append(TrajectoryPoint(*moment, logs, kept))

        moments = {(epoch, step): weighed for epoch, step, weighed in request.moments}
        outcome = trainer.train(request.choice, request.until, moments, keep, request.nudge)
        return outcome, points if moments else None

    def examine_step(self, request: m.ExamineStep) -> StepRecord:
        """One step of a hybrid tensor by tensor."""
        self._prepare(request.choice)
        if not isinstance(self._paired, Solo):
            raise TransferError("its loop is the script's own and runs only as a whole")
        return look(self._paired, request.choice, request.moment, request.count, request.inputs)

    def _again(
        self,
        sides: Mapping[str, Side],
        program: Collection[str],
        name: str,
        pins: Mapping[int, Pins],
        last: int,
    ) -> Live:
        """Run the script of a side again up to the end of training ``last``, pinned.

        For a recorded side that of the other, if the two programs are set alike.
        """
        there = sides[name]
        job, recording = self._job, self._recording
        if isinstance(there, m.FitElsewhere):
            job, recording = there.job, Path(there.recording)
        elif isinstance(there, m.FitRecorded) and program:
            raise TransferError(NO_PROGRAM)
        return fit_of(self._run(job, recording, last, pins), last)

    def _companions(self, live: Live) -> dict[int, Live]:
        return {other.index: other for other in self._lives if other.index in live.companions}

    def _adopted_companions(
        self, there: m.FitElsewhere, packed: m.TrainingArrays
    ) -> dict[int, Live]:
        fits = load(there.recording).fits
        own = {live.index: live for live in self._lives}
        return {
            index: live_fit(arrays, own[index], fits[index - 1].recipe)
            for index, arrays in packed.companions.items()
            if index in own
        }

    def _recorded_companions(self, there: m.FitRecorded, like: Live) -> dict[int, Live]:
        """Loops of a recording, each with the place among its trainings that it has here."""
        return {
            index: recorded_fit(replace(there, fit=there.fit + index - like.index), other)
            for index, other in self._companions(like).items()
        }


@dataclass
class _OtherProgram:
    """A side whose arrays are here and whose program is not, yet."""

    name: str
    sources: frozenset[str]  # those whose fields are live objects
    side: m.FitElsewhere | None  # None where there is no script to run
    refused: str = ""  # why it cannot be loaded, once that was tried

    def wanted(self, choice: Mapping[str, str]) -> bool:
        """Whether a hybrid takes live objects from it."""
        return any(side(choice, source) == self.name for source in self.sources)


class ReplicaServer:
    """Replicas of one fit."""

    def __init__(self, lives: list[Live], each_epoch: EachEpoch | None) -> None:
        self._lives, self._each_epoch = lives, each_epoch
        self._engines: dict[int, Engines] = {}

    def answer(self, request: m.ReplicaRequest) -> object:
        """What comes of a request."""
        match request:
            case m.AskRedrawable():
                return self._engines_of(request.fit).redrawable()
            case m.Replicate():
                return self.replicate(request)
            case m.DrawInputs():
                engines = self._engines_of(request.fit)
                return {replica.number: engines.draw(replica) for replica in request.replicas}
            case m.Streams():
                engines = self._engines_of(request.fit)
                return tuple(engines.streams(replica) for replica in request.replicas)
            case m.Probe():
                live = fit_of(self._lives, request.fit)
                targets = tuple(_numbers(target) for target in targets_of(live))
                return m.ProbeTargets(targets, bool(live.material.validation))
            case m.Pictures():
                return pictures_of(fit_of(self._lives, request.fit), request.positions)
            case _:
                unreachable(request)

    def replicate(self, request: m.Replicate) -> m.Replicated:
        """Train replicas. One that fails says so in its ``failure``."""
        engines = self._engines_of(request.fit)
        results, notes = engines.train(
            request.replicas, request.engine, request.keep_weights, request.inputs, request.packing
        )
        in_numbers = tuple(_in_numbers(result) for result in results)
        return m.Replicated(in_numbers, tuple(notes), engines.lowering)

    def _engines_of(self, fit: int) -> Engines:
        if fit not in self._engines:
            self._engines[fit] = Engines(fit_of(self._lives, fit), self._each_epoch)
        return self._engines[fit]


def _trained(outcome: Outcome, weights: bool = True) -> TrainedHybrid:
    predictions = outcome.predictions
    return TrainedHybrid(
        tuple(tensor_digest(value) for value in outcome.weights.values()),
        None if predictions is None else [_numbers(p) for p in predictions],
        _numbers_by_name(outcome.weights) if weights else {},
        outcome.logs,
        moved=outcome.moved,
    )


def _in_numbers(result: Result) -> Result:
    return replace(
        result,
        predictions=tuple(_numbers(p) for p in result.predictions or ()) or None,
        weights=None if result.weights is None else _numbers_by_name(result.weights),
    )


def _numbers(array: np.ndarray) -> np.ndarray:
    """For whoever compares numbers: bfloat16 and its like as float32, number by number the same."""
    return array if array.dtype.kind in "fiub" else array.astype(np.float32)


def _numbers_by_name(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: _numbers(value) for name, value in arrays.items()}


def _first_line(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return textwrap.shorten(said[0] if said else type(error).__name__, 200, placeholder=" ...")
