"""Trains chunks of replicas of one fit as one program each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from whydiff.core.feeding import Untransplantable
from whydiff.core.replicas import Replica, Result
from whydiff.replay.fused.chunk import Chunk
from whydiff.replay.fused.feeding import on_device
from whydiff.replay.fused.lowering import choices
from whydiff.replay.fused.memory import chunk_size
from whydiff.replay.fused.program import FusedProgram
from whydiff.replay.fused.stopping import check_callbacks, ends_on_nan
from whydiff.replay.fused.stacking import Stacking
from whydiff.replay.replicas import Replicas, check
from whydiff.replay.settings import program_key
from whydiff.replay.solo import quiet


class Fused:
    """The fused executor of one live fit; ``solo`` holds its model, draws and settings."""

    def __init__(self, solo: Replicas) -> None:
        self._solo, self._live = solo, solo.live
        self._data: list[Any] | None = None
        self._key: Any = None
        self._program: FusedProgram | None = None

    def refusal(self) -> str:
        """Why this fit cannot be fused, "" if it can (as far as can be told before tracing)."""
        try:
            self._check()
        except Untransplantable as why:
            return str(why)
        return ""

    def _check(self) -> None:
        live = self._live
        if keras.backend.backend() != "jax":
            raise Untransplantable(
                f"the script trains on {keras.backend.backend()}; only JAX can be fused"
            )
        if live.model.run_eagerly or not live.model.jit_compile:
            raise Untransplantable("the script trains without compiling its steps")
        if live.origins is None:
            raise Untransplantable("this fit was recorded without the origins of its values")
        check_callbacks(live)
        if self._data is None:
            self._data = on_device(live)

    def train(self, replicas: Sequence[Replica], keep_weights: bool) -> Iterator[Result]:
        """One result per replica. Raises Untransplantable where a program cannot be made;
        replicas not yielded by then are to be trained otherwise."""
        self._check()
        groups: dict[Any, list[Replica]] = {}
        for replica in replicas:
            try:
                check(replica)
            except Untransplantable as why:
                yield Result(replica, "fused", failure=str(why))
                continue
            groups.setdefault(self._group(replica), []).append(replica)
        for _, members in sorted(groups.items(), key=lambda item: str(item[0])):
            yield from self._train_group(members, keep_weights)

    def _group(self, replica: Replica) -> Any:
        """Replicas of equal group share a program and the shapes of their batches."""
        key = program_key(self._live, replica.settings)
        return key, str(replica.settings.get("batch-size"))

    def _train_group(self, members: Sequence[Replica], keep_weights: bool) -> Iterator[Result]:
        program = self._compiled(members)
        stacking = Stacking(self._solo, program)
        size = self._chunk_size(members, stacking)
        count = -(-len(members) // size)
        even = -(-len(members) // count)  # equal chunks share one compiled program
        for start in range(0, len(members), even):
            part = list(members[start : start + even])
            yield from self._train_chunk(part, even, stacking, keep_weights)

    def _train_chunk(
        self, part: list[Replica], size: int, stacking: Stacking, keep_weights: bool
    ) -> Iterator[Result]:
        started = time.monotonic()
        padded = part + [part[-1]] * (size - len(part))
        assert self._data is not None
        chunk = Chunk(self._solo, stacking, self._data, padded)
        with quiet():
            results = chunk.run(keep_weights)[: len(part)]
        share = (time.monotonic() - started) / len(part)
        broken = [r for r in results if ends_on_nan(self._live) and _was_nan(r)]
        for result in results:
            if result in broken:  # it ends within an epoch, which only solo can do
                yield from self._solo.train([result.replica], keep_weights)
            else:
                yield replace(result, seconds=share)

    def _compiled(self, members: Sequence[Replica]) -> FusedProgram:
        key = program_key(self._live, members[0].settings)
        if self._program is None or key != self._key:
            self._solo.compiled(members[0])
            build_metrics(self._live)
            self._program = FusedProgram(
                self._live.model,
                self._live.material.samples.structure,
                choices(self._live.model)[0],
            )
            self._key = key
        return self._program

    def _chunk_size(self, members: Sequence[Replica], stacking: Stacking) -> int:
        batches = self._solo.drawing.feeding(members[0])[1]
        _, size = chunk_size(stacking.state_bytes(), self._live, int(batches[0].max()))
        return min(size, len(members))

    def capacity(self) -> int:
        """How many replicas of the fit, as the script set it up, fit into memory at once."""
        plain = Replica(0)
        stacking = Stacking(self._solo, self._compiled([plain]))
        batches = self._solo.drawing.feeding(plain)[1]
        return chunk_size(stacking.state_bytes(), self._live, int(batches[0].max()))[0]


def _was_nan(result: Result) -> bool:
    return any(not np.isfinite(logs.get("loss", 0.0)) for logs in result.logs)


def build_metrics(live: Any) -> None:
    """Make the variables of metrics and loss, as ``fit`` does from its first batch."""
    samples = live.material.samples
    batch = samples.batch(np.arange(min(2, len(samples))))
    structure = keras.tree.pack_sequence_as(samples.structure, batch)
    if not isinstance(structure, tuple):
        structure = (structure,)
    live.model._symbolic_build(data_batch=structure)
