"""The trainings of one comparison: gates, then pairs of equal seeds on the executor that fits."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import drawn_seed
from whydiff.core.progress import Progress
from whydiff.core.replicas import Result
from whydiff.core.study import Agreement, Gate
from whydiff.experiments.compare.contestants import Contestant
from whydiff.experiments.compare.pairing import CHUNK, Results, Rule, TrainedHybrid, until_settled
from whydiff.experiments.study.answer import agreement_of
from whydiff.experiments.study.metadata import own_gate
from whydiff.experiments.study.replica_trainer import ReplicaTrainer
from whydiff.stats.distances import prediction_distance

#: Settings of which each value is a program of its own to compile.
STRUCTURAL = frozenset({"optimizer", "precision", "batch-size"})


@dataclass
class Comparing:
    """Training the pairs of one comparison: gates first, then pairs until it is settled.

    ``each`` gets every pair of the answer with its number, as soon as it is trained.
    """

    pair: tuple[Contestant, Contestant]
    rule: Rule
    seed: int
    asked: str  # the engine that was asked for
    budget: float | None
    progress: Progress
    each: Callable[[int, Results], None] | None = None
    gates: list[Gate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def run(self) -> TrainedHybrid:
        """All there is to train. Raises WhydiffError if nothing in A or B is random."""
        a, b = self.pair
        if not {*a.sources, *b.sources}:
            why = "; ".join(f"{k}: {v}" for k, v in {**a.kept, **b.kept}.items())
            raise WhydiffError(
                "neither A nor B has a random source that a seed could redraw"
                + (f" ({why})" if why else ""),
                "`whydiff explain` says why two such runs differ.",
            )
        self.gates += own_gates(self.pair, self.progress)
        text = "training pairs with equal seeds, at most"
        self.progress.step(text, total=self.rule.most, trainings=2)
        if a.engine != "fused":
            return until_settled(self.train, self.rule, **self._options())
        return self._fused()

    def seeds(self, number: int) -> dict[str, int]:
        """The seeds of a pair depend on the seed and its number only."""
        sources = dict.fromkeys([*self.pair[0].sources, *self.pair[1].sources])
        return {s: drawn_seed(self.seed, number, s) for s in sources}

    def train(self, wanted: range, engine: str = "") -> list[Results]:
        """A's and B's replica of every pair."""
        a, b = self.pair
        return list(
            zip(
                a.train({2 * n + 1: self.seeds(n) for n in wanted}, engine),
                b.train({2 * n + 2: self.seeds(n) for n in wanted}, engine),
                strict=True,
            )
        )

    def _fused(self) -> TrainedHybrid:
        """As one program, if plain training agrees with it."""
        gates = len(self.gates)

        def first(wanted: range) -> list[Results]:
            fresh = self.train(wanted)
            if len(self.gates) == gates:
                self.gates.append(agreement_gate(fresh, self._plainly, self.rule))
                if self.gates[-1].passed is False and self.asked == "auto":
                    raise _Disagreement
            return fresh

        with contextlib.suppress(_Disagreement):
            return until_settled(first, self.rule, **self._options())
        self.notes.append(
            "The engine fused did not agree with plain training, so all pairs were trained "
            "plainly; --engine fused insists."
        )
        self.progress.step("training pairs plainly", total=self.rule.most, trainings=2)
        for contestant in self.pair:
            contestant.engine = "solo"
        return until_settled(self.train, self.rule, **self._options())

    def _plainly(self, wanted: range) -> list[Results]:
        self.progress.note("comparing with plain training")
        return self.train(wanted, "solo")

    def _options(self) -> dict[str, Any]:
        a, b = self.pair
        alternating = a.trainer is b.trainer and STRUCTURAL & {*a.way.settings, *b.way.settings}
        chunk = {"fused": 2 * CHUNK, "process": max(1, a.trainer.at_once("process"))}.get(
            a.engine, CHUNK if alternating else 1
        )
        return {
            "chunk": chunk, "budget": self.budget, "progress": self.progress, "each": self.each,
        }  # fmt: skip


class _Disagreement(Exception):
    """Plain training does not give what the engine gave: none of its pairs count."""


# --- gates of a comparison: replicas are the script's training, and engines agree -------------


#: Pairs that are trained plainly, too: a few where the engines agree run by run, else more.
FEW, MORE = 2, 6


def own_gates(pair: tuple[Contestant, Contestant], progress: Progress) -> list[Gate]:
    """Whether the watched trainings, trained from their own values, are what was watched."""
    found: list[Gate] = []
    seen: list[ReplicaTrainer] = []
    for name, contestant in zip("AB", pair, strict=True):
        bench = contestant.bench
        if bench is None or any(bench is one for one in seen):
            continue
        progress.step(f"training {name} again from its own values")
        seen.append(bench)
        what = f"the script's own training of {name} is reproduced"
        found.append(Gate(what, *own_gate(bench.fit, bench.own().digest)))
    return found


def agreement_gate(
    fused: Sequence[Results], plainly: Callable[[range], Sequence[Results]], rule: Rule
) -> Gate:
    """Whether plain training gives the runs, or at least the distribution, that the engine gave."""
    plain = list(plainly(range(min(FEW, len(fused)))))
    found = agreement(fused, plain, rule)
    if not found.rounding and len(fused) > len(plain):
        plain += plainly(range(len(plain), min(MORE, len(fused))))
        found = agreement(fused, plain, rule)
    if found.rounding:
        how = f"run by run, to {found.furthest:.1g} of the distance between two runs"
    else:
        how = (
            f"mean difference of {rule.metric} {found.shift.value:.2g} ({found.shift.low:.2g} to "
            f"{found.shift.high:.2g}), same distribution: p = {found.p:.2g}"
        )
    name = f"plain training agrees with the engine {found.engine}"
    return Gate(name, found.agrees, f"{found.n} trainings by both: {how}")


def agreement(fused: Sequence[Results], plain: Sequence[Results], rule: Rule) -> Agreement:
    """The engine against plain training over the runs of A and B that both trained."""
    scale = _scale(fused)
    both = [
        (f, p)
        for many, one in zip(fused, plain, strict=False)
        for f, p in zip(many, one, strict=True)
        if not (f.failure or p.failure)
    ]
    gaps = [gap for f, p in both if math.isfinite(gap := _gap(f, p))]
    values = [[rule.value(pair[k]) for pair in both] for k in (0, 1)]
    return agreement_of(both[0][0].engine if both else "", gaps, scale, values)


def _gap(one: Result, other: Result) -> float:
    if not one.predictions or not other.predictions:
        return 0.0 if one.digest == other.digest else math.nan
    return prediction_distance(list(one.predictions), list(other.predictions))


def _scale(pairs: Sequence[Results]) -> float:
    """Mean distance of two runs of A with other seeds."""
    runs = [a for a, _ in pairs if not a.failure]
    gaps = [_gap(x, y) for x, y in pairwise(runs)]
    finite = [g for g in gaps if math.isfinite(g)]
    return float(np.mean(finite)) if finite else math.nan
