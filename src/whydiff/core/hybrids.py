"""Hybrids of two fits: what they start from, what is seen of them, and who can train them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from whydiff.core.live import Leaves


@dataclass(frozen=True, eq=False)
class TrajectoryPoint:
    """One moment: logs, and the weights by canonical path where they were kept."""

    epoch: int
    step: int
    logs: Mapping[str, float]
    weights: Mapping[str, np.ndarray] | None = None


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The moments of a training at which it was looked at."""

    points: tuple[TrajectoryPoint, ...] = ()

    @cached_property
    def _by_moment(self) -> dict[tuple[int, int], TrajectoryPoint]:
        return {(point.epoch, point.step): point for point in self.points}

    def at(self, moment: tuple[int, int] | None) -> TrajectoryPoint | None:
        """What was kept of a moment, if anything was."""
        return None if moment is None else self._by_moment.get(moment)

    def loss(self, moment: tuple[int, int] | None) -> float | None:
        """The logged loss; None where it is missing or not finite."""
        point = self.at(moment)
        loss = None if point is None else point.logs.get("loss")
        return loss if loss is not None and math.isfinite(loss) else None

    def weights(self, moment: tuple[int, int] | None) -> Mapping[str, np.ndarray] | None:
        """The weights by canonical path; None where they were not kept."""
        point = self.at(moment)
        return None if point is None else point.weights


@dataclass(frozen=True, eq=False)
class StepInputs:
    """Everything that goes into one step.

    ``values`` are variables by group ("weights", "noise", "state") and canonical path, ``leaves``
    the flattened batch (None where it holds None), ``generator`` the state of the backend's.
    """

    values: Mapping[str, Mapping[str, np.ndarray]]
    leaves: Sequence[np.ndarray | None]
    generator: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class StepRecord:
    """What one step did: (phase, name, value) in the order in which it did it.

    ``trail`` holds the weights by path after the step and after those behind it.
    """

    inputs: StepInputs
    seen: Sequence[tuple[str, str, np.ndarray]]
    trail: Sequence[Mapping[str, np.ndarray]]
    notes: Sequence[str] = ()


class Enough(BaseException):
    """Ends a script that runs again once the training in question is over.

    Not an ``Exception``, so that no ``except Exception`` of the script's stops it.
    """


@dataclass(frozen=True, eq=False)
class Pins:
    """``values`` maps group (weights, noise, state) and canonical path to a first value.

    ``batch(step)`` gives the leaves to feed at a step (counting from 0), None to leave the
    script's own. ``steps`` is how many are trained, None for as many as the script trains.
    """

    values: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    batch: Callable[[int], Leaves | None] = lambda step: None
    steps: int | None = None
    random_states: Mapping[tuple[int, int], np.ndarray] = field(default_factory=dict)
    random_draws: Mapping[tuple[int, int], int] = field(default_factory=dict)
    #: NumPy's and Python's global generator before a step (epoch, step) that draws from it
    host_draws: Mapping[str, Mapping[tuple[int, int], np.ndarray]] = field(default_factory=dict)


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
