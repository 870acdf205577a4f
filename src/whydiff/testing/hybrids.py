"""A hybrid trainer without trainings: what each hybrid ends with is a function of plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.feeding import TransferError
from whydiff.core.findings import Diff
from whydiff.core.hybrids import Coalition, TrainedHybrid, Trajectory, TrajectoryPoint
from whydiff.core.recording import Side
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.divergence import first_divergence
from whydiff.diagnosis.sources import compare_all

Numbers = Sequence[float] | np.ndarray
#: What a training of that coalition ends with: predictions, which serve as weights as well.
Outcome = Callable[[Coalition], Numbers]


def trained(
    numbers: Numbers, logs: Sequence[Mapping[str, float]] = (), predicted: bool = True
) -> TrainedHybrid:
    """A training that ended with these predictions and weights, and logged ``logs``."""
    values = _floats(numbers)
    return TrainedHybrid(
        (tensor_digest(values),),
        [values] if predicted else None,
        {"kernel": values},
        [dict(epoch) for epoch in logs],
    )


def _floats(numbers: Numbers) -> np.ndarray:
    values = np.asarray(numbers)
    return values if values.dtype.kind == "f" else values.astype(np.float64)


def compared(a: Side, b: Side, between: str = "fits") -> ComparedSides:
    """Two sides as they are compared; no values are behind their digests."""
    point = first_divergence(a, b)
    diff = Diff("A", "B", point is None, point, compare_all(a, b))
    scripts = (a.execution.script, b.execution.script)
    return ComparedSides(between, "two sides", a, b, diff, scripts)


class SimulatedTrainer:
    """Trains by asking ``outcome``.

    ``a`` and ``b`` are what the sides themselves ended with; unless given they are what the
    empty and the full coalition end with, so that both are reproduced. ``refused`` names
    coalitions that cannot be trained, with the reason. ``grown`` is added to every number where
    an initial weight is nudged. ``logs`` gives what a coalition logs. Looking on adds
    ``disturbed``.
    """

    how = ""

    def __init__(
        self,
        sources: Sequence[str],
        outcome: Outcome,
        *,
        a: Numbers | None = None,
        b: Numbers | None = None,
        refused: Mapping[Coalition, str] | None = None,
        grown: float = 0.0,
        logs: Callable[[Coalition], Sequence[Mapping[str, float]]] = lambda coalition: (),
        disturbed: float = 0.0,
    ) -> None:
        everything = frozenset(sources)
        self._outcome, self._logs, self._grown = outcome, logs, grown
        self._disturbed = disturbed
        self._own = {
            "a": trained(outcome(frozenset()) if a is None else a, logs(frozenset())),
            "b": trained(outcome(everything) if b is None else b, logs(everything)),
        }
        self._refused = dict(refused or {})
        self._bound: Coalition = frozenset()
        self.asked: list[tuple[Coalition, int | None]] = []  # every training, with its nudge
        self.looked_at: list[Coalition] = []  # those at which moments were kept

    def train(
        self,
        coalition: Coalition,
        until: tuple[int, int] | None = None,
        moments: Sequence[Sequence[int]] = (),
        nudge: int | None = None,
        weights: bool = True,
    ) -> TrainedHybrid:
        """What ``outcome`` says of the coalition; TransferError where it is refused."""
        del weights  # they are as small as the predictions
        self.asked.append((coalition, nudge))
        if coalition & self._bound:
            coalition |= self._bound
        if coalition in self._refused:
            raise TransferError(self._refused[coalition])
        numbers = _floats(self._outcome(coalition))
        if moments:
            self.looked_at.append(coalition)
            numbers = numbers + self._disturbed
        made = trained(numbers if nudge is None else numbers + self._grown, self._logs(coalition))
        if moments:
            points = (TrajectoryPoint(e, s, {}, made.weights) for e, s, _ in moments)
            made = replace(made, trace=Trajectory(tuple(points)))
        return made if nudge is None else replace(made, moved=6e-8)

    def recall(self, side: str) -> TrainedHybrid:
        """What side "a" or "b" itself ended with."""
        return self._own[side]

    def bind(self, sources: Sequence[str]) -> None:
        """From now on transfer these sources only together."""
        self._bound = frozenset(sources)

    def measure(self, side: str) -> dict[str, float] | None:
        """No loss to evaluate."""
        return None


def additive(effects: Mapping[str, Numbers], start: Numbers = (1.0, 1.0)) -> Outcome:
    """Each source taken from B adds its effect to what A ended with."""

    def outcome(coalition: Coalition) -> np.ndarray:
        parts = [np.asarray(effects[name], np.float64) for name in sorted(coalition)]
        return np.asarray(start, np.float64) + sum(parts, np.zeros(len(start)))

    return outcome
