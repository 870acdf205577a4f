"""Training the replicas of a plan, block by block, into a study file that survives a kill."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from whydiff.core.machine import same_processor
from whydiff.core.plan import DRAW, OWN, REPLICATE, Member, Plan, StoredReplica
from whydiff.core.progress import Progress
from whydiff.core.replicas import Packing, Replica, Result
from whydiff.core.shards import Packs, Shard
from whydiff.core.words import count
from whydiff.storage import CALIBRATION, StoredStudy, StudyWriter, kept_weights, load_study

_Chunk = tuple[list[Member], list[Result]]


class Trainer(Protocol):
    """What trains replicas: a replica trainer, or a pool of processes."""

    notes: list[str]
    pace: float

    @property
    def machine(self) -> Mapping[str, Any]:
        """Facts about the machine that it trains on, see :mod:`whydiff.core.machine`."""
        ...

    def at_once(self, engine: str, keep_weights: bool = True) -> int:
        """How many replicas to ask for at once."""
        ...

    def train(
        self,
        replicas: Sequence[Replica],
        engine: str = ...,
        keep_weights: bool = ...,
        packing: Packing | None = ...,
    ) -> list[Result]:
        """A result for each, in their order, failed ones included. With a ``packing`` there is
        one for what is wanted only."""
        ...


@dataclass(frozen=True)
class Part:
    """The members that one run of a study trains: all, or those of a shard.

    ``together`` blocks make a pack of the fused engine, see :class:`whydiff.core.shards.Packs`.
    """

    plan: Plan
    shard: Shard | None = None
    together: int = 1

    def takes(self, member: Member) -> bool:
        """Whether ``member`` is to be trained here."""
        return self.shard is None or self.shard.takes(member.block, self.together)

    @property
    def members(self) -> tuple[Member, ...]:
        """What is to be trained here, without the script's own training."""
        return tuple(m for m in self.plan.members if m.kind != OWN and self.takes(m))

    def first_block(self) -> tuple[Member, ...]:
        """The members of the first block that is trained here."""
        members = self.members
        return self.plan.block(members[0].block) if members else ()


class Studying:
    """One run of a study: what is missing is trained, chunk by chunk, and written."""

    def __init__(
        self,
        trainer: Trainer,
        writer: StudyWriter,
        part: Part,
        trainable: frozenset[str] | None,
        progress: Progress,
        until: float | None = None,
    ) -> None:
        stored = load_study(writer.path)
        self._trainer, self._writer, self._progress = trainer, writer, progress
        self._part, self._until = part, until
        self._packs = Packs(part.plan, part.together)
        self._trainable = trainable  # paths of the weights that training moves, None for all
        self.kept: dict[int, StoredReplica] = dict(stored.kept)
        self._compared = set(stored.calibration)
        self._weights = dict(kept_weights(writer.path))
        if 0 in self.kept:
            trainer.pace = self.kept[0].result.seconds
        self._began = time.monotonic()
        self._before = float(stored.meta.get("seconds", 0.0))

    @property
    def arithmetic(self) -> bool:
        """Whether a replicate came out otherwise than its base: then every block needs one."""
        bases = {k.member.block: k for k in self.kept.values() if k.member.base}
        return any(
            k.result.digest != bases[k.member.block].result.digest
            for k in self.kept.values()
            if k.member.kind == REPLICATE and k.member.block in bases and not k.result.failure
        )

    def missing(self, members: Sequence[Member]) -> list[Member]:
        """Members to train: not yet kept, and replicates only where they tell something."""
        arithmetic = self.arithmetic
        return [
            m
            for m in members
            if m.number not in self.kept
            and m.kind != OWN
            and (m.kind != REPLICATE or m.block == 0 or arithmetic)
        ]

    def train(self, members: Sequence[Member], engine: str, text: str) -> None:
        """Train what is missing of ``members`` and write it down."""
        self._forget_blocks_of_other_processors(members)
        missing = self.missing(members)
        if not missing or self._no_time_for(len(missing)):
            return
        self._progress.step(text, total=len(missing))
        at_once = self._trainer.at_once(engine)
        trained = self._in_packs if engine == "fused" else self._one_by_one
        left = len(missing)
        for chunk, results in trained(missing, engine, at_once):
            self._take(chunk, results)
            self._progress.advance(len(chunk))
            left -= len(chunk)
            if self._no_time_for(left):
                break
        self._note()

    def _no_time_for(self, left: int) -> bool:
        """Whether so many replicas are left out, since the time is over; then that is noted."""
        if not left or self._until is None or time.monotonic() < self._until:
            return False
        were = "replica was" if left == 1 else "replicas were"
        said = f"{left} {were} not trained, as the time of --budget was over; --resume trains them."
        if said not in self._trainer.notes:
            self._trainer.notes.append(said)
        return True

    def _one_by_one(self, missing: Sequence[Member], engine: str, at_once: int) -> Iterator[_Chunk]:
        for chunk in _chunks(missing, at_once):
            yield chunk, self._trainer.train([m.replica for m in chunk], engine, True)

    def _in_packs(self, missing: Sequence[Member], engine: str, at_once: int) -> Iterator[_Chunk]:
        """Whole packs, of which only what is missing is kept: equal bits whoever trains what."""
        packs = self._packs.wanted(missing)
        size = len(packs[0][0])
        together = max(1, at_once // size)
        for first in range(0, len(packs), together):
            some = packs[first : first + together]
            replicas = [m.replica for pack, _ in some for m in pack]
            chunk = [m for _, wanted in some for m in wanted]
            packing = Packing(len(some), tuple(m.number for m in chunk))
            results = self._trainer.train(replicas, engine, True, packing)
            by_number = {result.replica.number: result for result in results}
            yield chunk, [by_number[m.number] for m in chunk]

    def _forget_blocks_of_other_processors(self, members: Sequence[Member]) -> None:
        """A block that another type of processor has begun is trained anew as a whole."""
        here = self._trainer.machine
        begun = {m.block for m in self.missing(members)}
        others = [
            number
            for number, k in self.kept.items()
            if k.member.block in begun and not same_processor(k.result.machine, here)
        ]
        if others:
            self.forget(others)
            were = "was" if len(others) == 1 else "were"
            self._trainer.notes.append(
                f"{count(len(others), 'replica')} {were} trained again: another type of processor "
                "had begun the block, and a block does not mix types."
            )

    def own(self, result: Result) -> None:
        """Keep the script's own training."""
        member = Member(result.replica, -1, OWN)
        self._add([StoredReplica(member, result)])

    def compare(self, members: Sequence[Member]) -> None:
        """Train members that the engine has trained once more by ``solo``."""
        missing = [m for m in members if m.number not in self._compared]
        if not missing:
            return
        self._progress.step("comparing with plain training", total=len(missing))
        for member in missing:
            (result,) = self._trainer.train([member.replica], "solo", keep_weights=False)
            self._writer.add([StoredReplica(member, result)], CALIBRATION)
            self._compared.add(member.number)
            self._progress.advance()
        self._note()

    def forget(self, numbers: Sequence[int]) -> None:
        """Replicas that are to be trained anew by another engine."""
        self._writer.remove(numbers)
        for number in numbers:
            self.kept.pop(number, None)
            self._weights.pop(number, None)

    def _take(self, chunk: Sequence[Member], results: Sequence[Result]) -> None:
        fresh = {}
        for member, result in zip(chunk, results, strict=True):
            if result.weights and member.kind == DRAW:
                fresh[member.number] = self._moved(result.weights)
        self._weights.update(fresh)
        done = {m.number for m in chunk} | set(self.kept)
        distances: dict[tuple[int, int], float] = {}
        dropped: list[int] = []
        for number in {m.block for m in chunk if m.kind == DRAW}:
            draws = [m for m in self._part.plan.block(number) if m.kind == DRAW]
            if all(m.number in done for m in draws):
                held = {m.number: self._weights.pop(m.number, None) for m in draws}
                base = next(m.number for m in draws if m.base)
                distances |= weight_distances(base, held)
                dropped += held
        left = {n: w for n, w in fresh.items() if n in self._weights}
        kept = [StoredReplica(m, r) for m, r in zip(chunk, results, strict=True)]
        self._add(kept, distances=distances, weights=left, drop=dropped)

    def _add(self, kept: list[StoredReplica], **more: Any) -> None:
        self._writer.add(kept, **more)
        self.kept.update({k.member.number: k for k in kept})

    def _moved(self, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {
            path: value
            for path, value in weights.items()
            if self._trainable is None or path in self._trainable
        }

    def _note(self) -> None:
        spent = self._before + time.monotonic() - self._began
        self._writer.note({"seconds": spent})

    def reread(self) -> StoredStudy:
        """The study file as it is now."""
        return load_study(self._writer.path)


def _chunks(members: Sequence[Member], most: int) -> Iterator[list[Member]]:
    """Whole blocks where they fit, else parts of one; at most ``most`` members."""
    chunk: list[Member] = []
    for number in dict.fromkeys(m.block for m in members):
        block = [m for m in members if m.block == number]
        if chunk and len(chunk) + len(block) > most:
            yield chunk
            chunk = []
        chunk += block
        while len(chunk) > most:
            yield chunk[:most]
            chunk = chunk[most:]
    if chunk:
        yield chunk


def weight_distances(
    base: int, weights: Mapping[int, Mapping[str, np.ndarray] | None]
) -> dict[tuple[int, int], float]:
    """Euclidean distance of every pair over the norm of the base's weights, by numbers in order.

    NaN where weights are missing or not finite.
    """
    flat = {
        number: np.concatenate([np.asarray(held[k], np.float64).ravel() for k in sorted(held)])
        for number, held in weights.items()
        if held
    }
    norm = float(np.linalg.norm(flat[base])) if base in flat else float("nan")
    found = {}
    numbers = sorted(weights)
    for i, a in enumerate(numbers):
        for b in numbers[i + 1 :]:
            if a in flat and b in flat and flat[a].shape == flat[b].shape and norm > 0:
                distance = float(np.linalg.norm(flat[a] - flat[b])) / norm
                found[a, b] = distance if np.isfinite(distance) else float("nan")
            else:
                found[a, b] = float("nan")
    return found
