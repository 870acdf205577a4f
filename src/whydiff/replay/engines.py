"""Which executor trains a replica of one fit: fused where that can be done, else solo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from whydiff.core.feeding import TransferError
from whydiff.core.live import Live
from whydiff.core.progress import EachEpoch
from whydiff.core.replicas import Packing, Redrawable, Replica, ReplicaInputs, Result
from whydiff.core.shards import WIDTH
from whydiff.replay.fused import Fused
from whydiff.replay.probe import streams
from whydiff.replay.replicas import Replicas


class Engines:
    """The executors of one live fit."""

    def __init__(self, live: Live, each_epoch: EachEpoch | None = None) -> None:
        if live.again == "script":
            raise TransferError("its steps belong to a loop of the script's own")
        self._solo = Replicas(live, each_epoch)
        self._fused = Fused(self._solo)

    @property
    def lowering(self) -> str:
        """How the program computes that fuses replicas, "" while there is none."""
        program = self._fused.program
        return "" if program is None else str(program.lowering)

    def redrawable(self) -> Redrawable:
        """What seeds can redraw, and how fast."""
        sources, refused = self._solo.redrawable()
        why = self._fused.refusal()
        capacity = 1 if why else self._fused.capacity()
        width = WIDTH if why else self._fused.width()
        try:
            pool = self._solo.drawing.pool
        except TransferError as undivided:
            return Redrawable(
                tuple(sources), refused, why, capacity, width, undivided=str(undivided)
            )
        rows = len(pool.rows) - pool.held
        return Redrawable(tuple(sources), refused, why, capacity, width, rows, pool.held)

    def streams(self, replica: Replica) -> dict[str, str]:
        """A digest by source of what the seeds of ``replica`` decide."""
        return streams(self._solo.live, self._solo.drawing, replica)

    def draw(self, replica: Replica) -> ReplicaInputs:
        """What the seeds of ``replica`` decide, for a process that trains on another backend."""
        drawn = self._solo.drawing.draw(replica)
        paths = [tensor.path for tensor in self._solo.live.recipe.initialization]
        weights = dict(zip(paths, drawn.weights, strict=True))
        return ReplicaInputs(weights, drawn.order, drawn.batches)

    def train(
        self,
        replicas: Sequence[Replica],
        engine: str,
        keep_weights: bool,
        given: Mapping[int, ReplicaInputs] | None = None,
        packing: Packing | None = None,
    ) -> tuple[list[Result], list[str]]:
        """Results in the order of ``replicas``, and notes for the person.

        ``given`` replaces, by number, what would be drawn for replicas trained one by one.
        With a ``packing`` there are results for what is wanted only.
        """
        wanted = [r for r in replicas if packing is None or r.number in packing.wanted]
        notes: list[str] = []
        done: dict[int, Result] = {}
        if engine == "fused":
            try:
                for result in self._fused.train(replicas, keep_weights, packing):
                    done[result.replica.number] = result
            except TransferError as why:
                notes.append(f"trained one by one: {why}")
            except Exception as error:
                first = (str(error).splitlines() or [""])[0][:200]
                notes.append(
                    f"trained one by one: fusing failed with {type(error).__name__}: {first}"
                )
        left = [r for r in wanted if r.number not in done]
        for result in self._solo.train(left, keep_weights, given or {}):
            done[result.replica.number] = result
        return [done[replica.number] for replica in wanted], notes
