"""The trainings of one comparison: gates, then pairs of equal seeds on the executor that fits."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import drawn_seed
from whydiff.core.progress import Progress
from whydiff.core.study import Gate
from whydiff.experiments.compare.contestants import Contestant
from whydiff.experiments.compare.gates import agreement_gate, own_gates
from whydiff.experiments.compare.pairing import CHUNK, Results, Rule, TrainedHybrid, until_settled

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
        self.progress.step("training pairs with equal seeds, at most", total=self.rule.most)
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
        self.progress.step("training pairs plainly", total=self.rule.most)
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
