"""Losses and weights at chosen moments of one training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np


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
