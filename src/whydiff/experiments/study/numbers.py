"""From the replicas of a study to its numbers. Arrays in, nouns of ``core.study`` out; no Keras."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from whydiff.core.estimate import Estimate, unknown
from whydiff.core.metrics import value_bounds
from whydiff.core.pictures import png
from whydiff.core.plan import DRAW, OWN, REPLICATE, StoredReplica
from whydiff.core.study import (
    Flips,
    Histogram,
    Outcome,
    Own,
    TestNoise,
)
from whydiff.experiments.study.division import Division
from whydiff.stats import flips, intervals
from whydiff.stats.distances import classes, prediction_distance
from whydiff.stats.logits import sigmoid
from whydiff.stats.probe_noise import calibrated_variance, variance_parts
from whydiff.storage import StoredStudy

#: bins of a histogram at most
BINS = 12
#: examples that flip most, kept by position
MOST_FLIPPING = 10


class Numbers:
    """The replicas of a study by what they are for."""

    def __init__(self, stored: StoredStudy, metric: str, attributed: Sequence[str]) -> None:
        self.stored, self.metric, self.attributed = stored, metric, tuple(attributed)
        self.kept = stored.kept
        facts = stored.meta.get("fit", {})
        self.classes: bool = bool(facts.get("classes"))
        self._logits: bool = bool(facts.get("logits"))
        self.validation: bool = bool(facts.get("validation"))
        self.division = Division.stored(stored)
        self.rng = np.random.default_rng(0)  # of permutation tests: equal files, equal answers

    # --- values of one replica ----------------------------------------------------------------

    def value(self, kept: StoredReplica | None) -> float:
        """The metric at the end of training; NaN where there is none, or the training diverged
        (the accuracy of a model of NaNs is a number that says nothing)."""
        return math.nan if kept is None else kept.result.final(self.metric)

    def predictions(self, kept: StoredReplica | None) -> list[np.ndarray] | None:
        """Outputs on the probe; logits of one binary output as probabilities."""
        if kept is None or kept.result.failure or not kept.result.predictions:
            return None
        outputs = [np.asarray(p) for p in kept.result.predictions]
        if self._logits:
            outputs = [sigmoid(p) if p.ndim < 2 or p.shape[-1] == 1 else p for p in outputs]
        return outputs

    # --- groups -------------------------------------------------------------------------------

    @cached_property
    def blocks(self) -> list[dict[frozenset[str], StoredReplica]]:
        """The draws of each block by what was redrawn."""
        found: dict[int, dict[frozenset[str], StoredReplica]] = {}
        for kept in self.kept.values():
            if kept.member.kind == DRAW:
                found.setdefault(kept.member.block, {})[kept.member.redrawn] = kept
        return [found[number] for number in sorted(found)]

    @cached_property
    def draws(self) -> list[StoredReplica]:
        """Draws that are independent of each other: base and all redrawn of every block."""
        wanted = {frozenset(), frozenset(self.attributed)}
        return [
            block[redrawn]
            for block in self.blocks
            for redrawn in sorted(wanted, key=len)
            if redrawn in block
        ]

    @cached_property
    def finished(self) -> list[StoredReplica]:
        """Independent draws with an outcome that is a finite number throughout."""
        return [k for k in self.draws if not k.result.failure and not k.result.diverged]

    def own(self) -> StoredReplica | None:
        """The script's own training."""
        return next((k for k in self.kept.values() if k.member.kind == OWN), None)

    def replicates(self) -> list[tuple[StoredReplica, StoredReplica]]:
        """(base, the same over again) of every block that has both with an outcome."""
        bases = {k.member.block: k for k in self.kept.values() if k.member.base}
        return [
            (bases[k.member.block], k)
            for k in self.kept.values()
            if k.member.kind == REPLICATE
            and k.member.block in bases
            and not k.result.failure
            and not bases[k.member.block].result.failure
        ]

    # --- numbers ------------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        """How much the metric, the predictions and the weights of independent draws vary."""
        values = np.array([self.value(k) for k in self.draws], float)
        finite = values[np.isfinite(values)]
        return Outcome(
            metric=self.metric,
            mean=intervals.mean(
                values, bounds=self.bounds, overlap=self.division.overlap if self.division else 0.0
            ),
            sd=intervals.spread(values, bounds=self.bounds),
            low=float(finite.min()) if finite.size else math.nan,
            high=float(finite.max()) if finite.size else math.nan,
            histogram=histogram(finite),
            churn=self.churn(),
            distance=self._between(self.rms),
            weights=self._between(self.weight_distance),
        )

    @cached_property
    def bounds(self) -> tuple[float, float] | None:
        """The bounds of the metric, None where they are not known."""
        return value_bounds(self.metric, map(self.value, self.kept.values()))

    def churn(self) -> Estimate | None:
        """Share of the probe's examples on which two draws predict other classes."""
        if not self.classes:
            return None
        table = self.labels(self.finished)
        return flips.churn_of(table) if table.size else unknown(0, "no predictions")

    def labels(self, group: Sequence[StoredReplica]) -> np.ndarray:
        """Predicted classes, (runs, examples), of the first output."""
        outputs = [p[0] for k in group if (p := self.predictions(k))]
        return flips.labels_of(outputs)

    def _between(self, distance: Callable[[StoredReplica, StoredReplica], float]) -> Estimate:
        """Mean distance of two independent draws, over pairs that share no draw."""
        return intervals.mean([distance(a, b) for a, b in self.pairs()])

    def pairs(self) -> list[tuple[StoredReplica, StoredReplica]]:
        """Base and all redrawn of every block; bases of two blocks where nothing is redrawn."""
        draws = [k for k in self.draws if not k.result.failure]
        if not self.attributed:
            return list(zip(draws[::2], draws[1::2], strict=False))
        everything = frozenset(self.attributed)
        blocks = [b for b in self.blocks if frozenset() in b and everything in b]
        return [(b[frozenset()], b[everything]) for b in blocks]

    def rms(self, a: StoredReplica, b: StoredReplica) -> float:
        """Root mean square difference of the predictions."""
        one, two = self.predictions(a), self.predictions(b)
        return math.nan if one is None or two is None else prediction_distance(one, two)

    def weight_distance(self, a: StoredReplica, b: StoredReplica) -> float:
        """Relative distance of the trained weights; NaN where it is not known."""
        pair = sorted((a.member.number, b.member.number))
        return self.stored.distances.get((pair[0], pair[1]), math.nan)

    def dead(self) -> list[str]:
        """Sources whose redraw gave the very same bits in every block that tells."""
        found = []
        for source in self.attributed:
            pairs = [
                (block[frozenset()].result, block[frozenset([source])].result)
                for block in self.blocks
                if frozenset() in block and frozenset([source]) in block
            ]
            told = [(a, b) for a, b in pairs if a.digest and b.digest]
            if told and all(a.digest == b.digest for a, b in told):
                found.append(source)
        return found

    def place(self) -> Own | None:
        """Where the script's own training lies."""
        own = self.own()
        if own is None or own.result.failure:
            return None
        if not any(self.metric in logs for logs in own.result.logs):
            return None  # it had no validation data, as the draws have
        place = intervals.place(self.value(own), [self.value(k) for k in self.draws])
        return Own(self.value(own), place.percentile, place.p, place.ordinary())

    def flipping(self) -> Flips | None:
        """Examples whose predicted class depends on the draw."""
        if not self.classes:
            return None
        table = self.labels(self.finished)
        if table.shape[0] < 2 or not table.shape[1]:
            return None
        rates = flips.flip_rates(table)
        order = np.argsort(-rates, kind="stable")[:MOST_FLIPPING]
        most = tuple((int(i), float(rates[i])) for i in order if rates[i] > 0)
        where = "validation data" if self.validation else "training data"
        kept = self.stored.pictures
        pictures = tuple(
            (i, base64.b64encode(png(kept[i])).decode("ascii")) for i, _ in most if i in kept
        )
        return Flips(int(rates.size), int(np.sum(rates > 0)), most, where, pictures)

    def test_noise(self) -> TestNoise | None:
        """The variance of the error rate taken apart; None without labels of validation data, or
        where every draw has other validation data."""
        table = self.labels(self.finished)
        truth = truth_of(self.stored.targets, self.predictions(next(iter(self.finished), None)))
        if not self.classes or not self.validation or truth is None or self.division:
            return None
        if table.shape[0] < 2 or table.shape[1] != truth.size:
            return None
        parts = variance_parts(table != truth)
        binary = np.unique(truth).size == 2
        return TestNoise(
            parts.examples,
            parts.error,
            parts.observed,
            parts.test_set,
            parts.training,
            calibrated_variance(parts.error.value, parts.examples) if binary else None,
        )


def truth_of(
    targets: Sequence[np.ndarray], predictions: Sequence[np.ndarray] | None
) -> np.ndarray | None:
    """True classes of the probe, flat, aligned with the labels of the first output."""
    if not targets or not predictions:
        return None
    target, output = np.asarray(targets[0]), np.asarray(predictions[0])
    if target.dtype.kind not in "fiub":
        return None
    if target.shape == output.shape:  # one-hot, or one probability
        return np.asarray(classes(target)).ravel()
    if target.size == int(np.prod(output.shape[:-1])):  # class numbers
        return target.astype(np.int64).ravel()
    return None


def histogram(values: np.ndarray) -> Histogram:
    """Counts in equal bins over the range: about as many bins as Sturges' rule gives."""
    if values.size == 0:
        return Histogram()
    if np.ptp(values) == 0:
        return Histogram((float(values[0]), float(values[0])), (int(values.size),))
    bins = min(BINS, math.ceil(math.log2(values.size)) + 1)
    counts, edges = np.histogram(values, bins=bins)
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)))
