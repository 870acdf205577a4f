"""The processes that hold two live fits, asked for hybrids of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from whydiff.core.hybrids import Coalition, StepInputs, StepRecord, TrainedHybrid
from whydiff.core.recipe import SOURCE_IDS
from whydiff.runner.messages import (
    ExamineStep,
    MeasureLoss,
    PicturesOfPair,
    Recall,
    RelateSamples,
    Requestable,
    RowRelations,
    Train,
)


class ProcessHybridTrainer:
    """The processes that hold live fits: one, or one per side of two runs.

    ``together`` are sources that change as one, and whoever takes them from B trains in B's
    process: those of the environment where these differ, else those of the compiled program.
    """

    def __init__(
        self,
        sites: Mapping[str, Requestable],
        together: frozenset[str],
        how: str = "",
        follows: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._sites = sites
        self.how = how
        self._together = together
        self._follows = dict(follows or {})  # source -> what comes along with it
        self._bound: frozenset[str] = frozenset()

    def bind(self, sources: Sequence[str]) -> None:
        """Carry these over only together: whoever takes one of them from B takes all."""
        self._bound = frozenset(sources)

    def site(self, coalition: Coalition) -> Requestable:
        other = bool(self._together) and self._together <= coalition
        return self._sites["b" if other and "b" in self._sites else "a"]

    def train(
        self,
        coalition: Coalition,
        until: tuple[int, int] | None = None,
        moments: Sequence[Sequence[int]] = (),
        nudge: int | None = None,
        weights: bool = True,
    ) -> TrainedHybrid:
        """Train the hybrid that takes the sources of ``coalition`` from B.

        With ``until`` only up to that (epoch, step): what it was then, without predictions.
        ``moments`` on the way are kept. With ``nudge`` it starts from initial weights of which one,
        picked by that number, is an ULP away. Without ``weights`` only their digests are
        given, unless there are no predictions.
        """
        if coalition & self._bound:
            coalition |= self._bound
        coalition |= {name for source in coalition for name in self._follows.get(source, ())}
        choice = dict.fromkeys(sorted(coalition), "b")
        looked_at = tuple((epoch, step, bool(weighed)) for epoch, step, weighed in moments)
        return self.site(coalition).request(Train(choice, until, looked_at, nudge, weights))

    def recall(self, side: str) -> TrainedHybrid:
        return self._site_of(side).request(Recall(side))

    def pictures(self, positions: Sequence[int]) -> Mapping[int, np.ndarray]:
        """Predicted examples as images by position, {} where they are none."""
        return self._sites["a"].request(PicturesOfPair(tuple(positions)))

    def related(self) -> RowRelations:
        """How the inputs and targets of B follow from those of A."""
        return self._sites["a"].request(RelateSamples())

    def measure(self, side: str) -> Mapping[str, float] | None:
        """The last logged training loss against the evaluated one; None where it is not known."""
        return self._site_of(side).request(MeasureLoss(side))

    def look(
        self, side: str, moment: tuple[int, int], count: int, inputs: StepInputs | None = None
    ) -> StepRecord:
        """One step of a side tensor by tensor, and ``count`` steps on.

        With ``inputs``, those of the other side, the step starts from these.
        """
        choice = dict.fromkeys(SOURCE_IDS, side)
        return self._site_of(side).request(ExamineStep(choice, moment, count, inputs))

    def _site_of(self, side: str) -> Requestable:
        return self._sites.get(side, self._sites["a"])
