"""Which executor trains a replica of one fit: fused where that can be done, else solo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from whydiff.core.live import Live
from whydiff.core.replicas import Replica, Result
from whydiff.replay.probe import streams
from whydiff.replay.replicas import Replicas


class Engines:
    """The executors of one live fit."""

    def __init__(self, live: Live) -> None:
        self._solo = Replicas(live)

    def redrawable(self) -> dict[str, Any]:
        """``sources`` that seeds redraw, ``refused`` with reasons, ``fused``: "" or why not."""
        sources, refused = self._solo.redrawable()
        return {"sources": sources, "refused": refused, "fused": "not yet", "capacity": 1}

    def streams(self, replica: Replica) -> dict[str, str]:
        """A digest by source of what the seeds of ``replica`` decide."""
        return streams(self._solo.live, self._solo.drawing, replica)

    def train(
        self, replicas: Sequence[Replica], engine: str, keep_weights: bool
    ) -> tuple[list[Result], list[str]]:
        """Results in the order of ``replicas``, and notes for the person."""
        notes: list[str] = []
        place = {replica.number: i for i, replica in enumerate(replicas)}
        results = list(self._solo.train(replicas, keep_weights))
        return sorted(results, key=lambda result: place[result.replica.number]), notes
