"""A script written for TensorFlow or torch, studied on JAX: the same script, run there.

The engine that trains many replicas as one program is JAX's. Most scripts are plain Keras, and
with JAX as its backend such a script trains the same thing. Whether it does is checked twice: the
two watched fits may differ in nothing but chance and the backend; and a few replicas trained on
JAX are trained with the script's own backend, too, from the same initial values, in the same order.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.machine import Interpreter
from whydiff.core.progress import Progress
from whydiff.core.recipe import Content
from whydiff.core.recording import Side
from whydiff.core.replicas import RANDOM_SOURCES, Replica, ReplicaInputs
from whydiff.diagnosis.sources import compare_all
from whydiff.experiments.study.replica_trainer import ReplicaTrainer, replica_trainer
from whydiff.runner.client import Run
from whydiff.runner.messages import Answer, DrawInputs, Replicate, Request, Streams
from whydiff.runner.running import Runs

#: Seconds of plain training below which running the script with JAX as well does not pay.
PAYS = 60.0
#: Sources in which two runs of one script with two backends may differ.
_CHANCE = frozenset({"initialization", "data-order", "noise"})
_BACKEND = frozenset({"backend", "version", "hardware", "arithmetic"})


@dataclass(frozen=True)
class Wanted:
    """What is asked of replicas that JAX is to train.

    Every one must have all of its random sources ``redrawn``, since JAX would not keep the values
    that the script's own backend drew; samples whose rows are ``divided`` anew must have the same
    numbers there.
    """

    engine: str
    redrawn: Collection[str]
    trainings: int
    divided: bool = False


@contextlib.contextmanager
def on_jax(
    bench: ReplicaTrainer,
    run: Run,
    wanted: Wanted,
    progress: Progress | None = None,
    runs: Runs | None = None,
) -> Iterator[None]:
    """Let ``bench`` train its fused replicas by executing its ``run`` with JAX as the backend.

    Where it is not possible ``bench.fused`` says why. With the engine "auto" it is done only where
    so many plain trainings would take long.
    """
    engine = wanted.engine
    pays = engine == "fused" or wanted.trainings * bench.fit.seconds > PAYS
    if engine not in ("auto", "fused") or not bench.fused or bench.backend == "jax" or not pays:
        yield
        return
    kept = _CHANCE.intersection(bench.sources) - set(wanted.redrawn)
    with contextlib.ExitStack() as stack:
        try:
            if not _has_jax(run.interpreter):
                raise TransferError("it is not installed")
            if kept:
                raise TransferError(f"the script's own {sorted(kept)[0]} is another one there")
            there = replace(run, backend="jax")
            twin = replica_trainer(there, fit=bench.fit.index, progress=progress, runs=runs)
            other = stack.enter_context(twin)
            routed = Routed(bench, other)
            if wanted.divided and not routed.numbered_alike:
                raise TransferError("its samples come in another order there")
            bench.process = routed
            bench.fused, bench.capacity = other.fused, other.capacity
            bench.width, bench.twin = other.width, other.fit
            bench.notes.append(
                f"This {bench.backend} script trains the same on JAX, where its replicas were "
                "trained together."
            )
        except (WhydiffError, TransferError) as why:
            bench.fused = (
                f"the script trains on {bench.backend} and cannot be studied on JAX: "
                f"{str(why).splitlines()[0].rstrip(':;')}"
            )
        yield


def _has_jax(interpreter: Interpreter | None) -> bool:
    if interpreter is not None:
        return "jax" in interpreter.packages
    return importlib.util.find_spec("jax") is not None


def check_same_training(own: ReplicaTrainer, other: ReplicaTrainer) -> None:
    """Raise TransferError if two runs of a script differ in more than chance and backend."""
    if own.fit.recipe.backend.get("backend") == other.fit.recipe.backend.get("backend"):
        raise TransferError("it chooses another backend itself")
    findings = compare_all(Side(own.execution, own.fit), Side(other.execution, other.fit))
    for finding in findings:
        if finding.status == "differs" and finding.source not in _CHANCE | _BACKEND:
            raise TransferError(f"{finding.source} differs ({finding.evidence})")
    mine, theirs = (set(b.sources) & set(RANDOM_SOURCES) for b in (own, other))
    for source in sorted(mine ^ theirs):
        raise TransferError(f"{source} can be redrawn with one of the backends only")


class Routed:
    """The requests of a replica trainer: those for fused replicas go to its twin on JAX.

    What is trained plainly starts from the twin's initial values and is fed in the twin's order,
    so that it can be compared with what the twin has trained.
    """

    def __init__(self, own: ReplicaTrainer, twin: ReplicaTrainer) -> None:
        check_same_training(own, twin)
        if twin.fused:
            raise TransferError(twin.fused)
        self._own, self._twin = own.process, twin.process
        self._fit = twin.fit.index
        self._places = places(own.fit.recipe.data_content, twin.fit.recipe.data_content)

    @property
    def numbered_alike(self) -> bool:
        """Whether the samples have the same numbers in both processes."""
        return bool(np.array_equal(self._places, np.arange(len(self._places))))

    def request(self, request: Request[Answer]) -> Answer:
        """Answered by whoever trains it."""
        if isinstance(request, Streams) or (
            isinstance(request, Replicate) and request.engine == "fused"
        ):
            return self._twin.request(cast(Request[Answer], replace(request, fit=self._fit)))
        if isinstance(request, Replicate):
            request = cast(Request[Answer], replace(request, inputs=self._drawn(request.replicas)))
        return self._own.request(request)

    def _drawn(self, replicas: Sequence[Replica]) -> dict[int, ReplicaInputs]:
        """What the twin drew for ``replicas``, by number, with the samples numbered as here."""
        redrawn = tuple(replica for replica in replicas if replica.seeds)
        if not redrawn:
            return {}
        drawn = self._twin.request(DrawInputs(self._fit, redrawn))
        return {
            number: replace(one, order=tuple(map(self._renumbered, one.order)))
            for number, one in drawn.items()
        }

    def _renumbered(self, order: np.ndarray) -> np.ndarray:
        """An order with the samples numbered as here; validation samples come after the others."""
        beyond = np.arange(len(self._places), int(order.max(initial=-1)) + 1)
        renumbered: np.ndarray = np.concatenate([self._places, beyond])[order]
        return renumbered


def places(own: Content, other: Content) -> np.ndarray:
    """For each sample of ``other`` its index in ``own``: streams number samples as they come.

    Raises TransferError for a sample that ``own`` does not have.
    """
    index = {row.tobytes(): i for i, row in enumerate(np.ascontiguousarray(own.samples))}
    found = [index.get(row.tobytes()) for row in np.ascontiguousarray(other.samples)]
    if None in found:
        raise TransferError("the training samples have other values there")
    return np.array(found, np.int64)
