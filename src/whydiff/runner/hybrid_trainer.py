"""The processes that hold two live fits or calls, asked for hybrids of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from whydiff.core.call_hybrids import LayerDifference, Measurement
from whydiff.core.hybrids import Coalition, StepInputs, StepRecord, TrainedHybrid
from whydiff.core.metrics import renamed_logs
from whydiff.core.recipe import SOURCE_IDS
from whydiff.diagnosis.calls.fields import Compared
from whydiff.diagnosis.outputs import as_probabilities
from whydiff.runner.messages import (
    CompareCuts,
    ExamineStep,
    FindLayer,
    KeepLayers,
    MeasureAgain,
    MeasureHybrid,
    MeasureLoss,
    PairCalls,
    PicturesOfPair,
    Recall,
    RelateSamples,
    Requestable,
    RowRelations,
    Train,
)


@dataclass(frozen=True)
class Prepared:
    """How hybrids are trained, which sources come along with which, metrics that B's model has
    under other names than A's, and by side the activation to compare a model's outputs behind."""

    how: str = ""
    follows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    activations: Mapping[str, str] = field(default_factory=dict)


class ProcessHybridTrainer:
    """The processes that hold live fits: one, or one per side of two runs.

    ``together`` are sources that change as one, and whoever takes them from B trains in B's
    process: those of the environment where these differ, else those of the compiled program.
    """

    def __init__(
        self,
        sites: Mapping[str, Requestable],
        together: frozenset[str],
        prepared: Prepared = Prepared(),  # nothing can change it
    ) -> None:
        self._sites = sites
        self.how = prepared.how
        self._prepared = prepared
        self._together = together
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
        coalition |= {
            name for source in coalition for name in self._prepared.follows.get(source, ())
        }
        choice = dict.fromkeys(sorted(coalition), "b")
        looked_at = tuple((epoch, step, bool(weighed)) for epoch, step, weighed in moments)
        made = self.site(coalition).request(Train(choice, until, looked_at, nudge, weights))
        return self._told(made, "b" if "architecture" in coalition else "a")

    def recall(self, side: str) -> TrainedHybrid:
        return self._told(self._site_of(side).request(Recall(side)), side)

    def _told(self, made: TrainedHybrid, model: str) -> TrainedHybrid:
        """What can be compared: numbers that B's model logs under the names that A's model has for
        them, and the outputs of the model of side ``model`` on the scale of the other's."""
        logs, renamed = made.logs, self._prepared.renamed
        if renamed:
            logs = [renamed_logs(epoch, renamed) for epoch in logs]
        activation = self._prepared.activations.get(model, "")
        if made.predictions is None or not activation:
            return replace(made, logs=logs)
        return replace(made, logs=logs, predictions=as_probabilities(made.predictions, activation))

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


class ProcessCallRunner:
    """Asks the process of A for hybrids of two of its calls, whose numbers ``prepare`` gives.

    It is called once, before the first hybrid, and may raise TransferError as a hybrid does.
    ``own_b`` is B's own process with the numbers of both there, where that is another. Then B's
    model is in it, with its libraries: hybrids that take the structure from B are run there.
    """

    def __init__(
        self,
        site: Requestable,
        prepare: Callable[[], tuple[int, int]],
        compared: Compared,
        own_b: tuple[Requestable, int, int] | None = None,
    ) -> None:
        self._own_site = site
        self._prepare, self._own_b = prepare, own_b
        self._structure = frozenset(compared.structure)
        self._fields = compared.fields if own_b is None else replace(compared.fields, structure=())

    @cached_property
    def _site(self) -> Requestable:
        """A's process, once it has the pair."""
        self._own_site.request(PairCalls(*self._prepare(), self._fields))
        return self._own_site

    @cached_property
    def _site_of_b(self) -> Requestable:
        """Where B's model is, once it has the pair."""
        site = self._site
        if self._own_b is None:
            return site
        process, a, b = self._own_b
        process.request(PairCalls(a, b, self._fields))
        return process

    def measure(self, coalition: Coalition) -> Measurement:
        """A's call with the fields of these sources from B."""
        site = self._site
        if coalition & self._structure:
            site, apart = self._site_of_b, self._own_b is not None
            coalition = coalition - self._structure if apart else coalition | self._structure
        return site.request(MeasureHybrid(dict.fromkeys(sorted(coalition), "b")))

    def again(self, side: str) -> Measurement:
        """One side from its own fields."""
        site = self._site_of_b if side == "b" else self._site
        return site.request(MeasureAgain(side))

    def mixing(self) -> LayerDifference:
        """The first layer whose answer for a row depends on the other rows of its batch."""
        return self._site.request(FindLayer(mixing=True))

    def cuts(self, metric: str) -> Mapping[str, Any]:
        """A metric of two evaluates in the batches of both, and what their answers make of it."""
        return self._site.request(CompareCuts(metric))

    def otherwise(self, file: str = "") -> LayerDifference:
        """The first layer that answers otherwise on equal input. ``file`` is where to put what the
        layers of A's model answer, where B's is in another process."""
        if self._own_b is None:
            return self._site.request(FindLayer())
        self._site.request(KeepLayers(file))
        return self._site_of_b.request(FindLayer(file))
