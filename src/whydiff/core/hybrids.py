"""Hybrids of two calls: what one ended with, and who can train them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from whydiff.core.trajectory import Trajectory

#: The sources that a hybrid takes from B; all others are A's.
Coalition = frozenset[str]


@dataclass(frozen=True)
class TrainedHybrid:
    """What a hybrid ended with."""

    digests: tuple[str, ...]
    predictions: list[np.ndarray] | None
    weights: Mapping[str, np.ndarray]  # by path; {} where they were not asked for
    logs: list[dict[str, float]]
    seconds: float = 0.0
    moved: float = 0.0  # by how much the nudged weight was moved
    trace: Trajectory | None = None  # what was kept on the way


class HybridTrainer(Protocol):
    """Trains hybrids of two watched fits, wherever their models live.

    Raises TransferError where a field of one fit does not fit the other.
    """

    how: str  # how hybrids are trained, in words; "" where there is nothing to say

    def train(
        self,
        coalition: Coalition,
        until: tuple[int, int] | None = None,
        moments: Sequence[Sequence[int]] = (),
        nudge: int | None = None,
        weights: bool = True,
    ) -> TrainedHybrid:
        """Train the hybrid that takes the sources of ``coalition`` from B.

        Without ``weights`` only their digests are given, unless there are no predictions.
        """
        ...

    def recall(self, side: str) -> TrainedHybrid:
        """What side "a" or "b" itself ended with; nothing is trained."""
        ...

    def bind(self, sources: Sequence[str]) -> None:
        """From now on transfer these sources only together."""
        ...

    def measure(self, side: str) -> Mapping[str, float] | None:
        """The last logged training loss against the evaluated one; None where not known."""
        ...
