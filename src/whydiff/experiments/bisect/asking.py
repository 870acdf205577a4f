"""Asking about a point: run it, and hold what it ended in against the good one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from whydiff.core.comparison import EQUIVALENT, INCONCLUSIVE, Comparison
from whydiff.core.errors import WhydiffError
from whydiff.core.progress import Progress
from whydiff.core.searches import Tried
from whydiff.core.words import count
from whydiff.experiments.bisect.points import Series
from whydiff.experiments.bisect.search import DIFFERS, SAME, SKIPPED, next_point
from whydiff.experiments.reference_run import (
    EQUAL,
    ROUNDING,
    UNDECIDED,
    Reference,
    in_a_line,
    outcome_of,
    reference_of,
    try_run,
)
from whydiff.runner.asked import run_as_asked
from whydiff.runner.client import Run
from whydiff.runner.revisions import Checkouts
from whydiff.runner.running import Runs

_STATES = {EQUAL: SAME, ROUNDING: SAME, UNDECIDED: SKIPPED}

#: How a point is asked about.
Ask = Callable[[int], Tried]


@dataclass(eq=False)
class ByRuns:
    """Runs each point once. The good one is run when another is first held against it."""

    target: str
    series: Series
    runs: Runs
    folder: Path
    progress: Progress
    metric: str | None = None
    reference: Reference | None = None
    good: Tried | None = None
    known: dict[tuple[tuple[str, str], ...], Tried] = field(default_factory=dict)

    def __call__(self, number: int) -> Tried:
        """What is found at a point; one that cannot be run is skipped."""
        if self.reference is None:
            self.reference = self._good()
        try:
            return self._tried(number, self.reference)
        except WhydiffError as why:
            return Tried(number, SKIPPED, in_a_line(why))
        finally:
            shutil.rmtree(self._place(number))

    def _good(self) -> Reference:
        trial = try_run(self.runs, self._run(0), self._place(0), "run", self.progress)
        with trial.ran:
            reference = reference_of(trial)
        outcome = reference.outcome
        name, value = outcome.metric(self.metric) or ("", None)
        self.good = Tried(0, SAME, "the good one", name, value, outcome.logs, outcome.final)
        return reference

    def _tried(self, number: int, reference: Reference) -> Tried:
        run = self._run(number)
        packages = tuple(sorted(run.interpreter.packages.items())) if run.interpreter else ()
        key = (*packages, ("revision", run.checkout.commit.id if run.checkout else ""))
        if packages and key in self.known:  # another day, the same packages
            same = self.known[key]
            return Tried(number, same.state, same.why, same.metric, same.value, same.logs)
        trial = try_run(self.runs, run, self._place(number), "run", self.progress)
        with trial.ran:
            judged = reference.judge(trial, self.progress)
        outcome = outcome_of(trial.execution)
        name, value = outcome.metric(self.metric) or ("", None)
        state = _STATES.get(judged.level, DIFFERS)
        tried = Tried(number, state, judged.why, name, value, outcome.logs, outcome.final)
        self.known[key] = tried
        return tried

    def _place(self, number: int) -> Path:
        place = self.folder / f"point{number}"
        place.mkdir(exist_ok=True)
        return place

    def _run(self, number: int) -> Run:
        checkouts = Checkouts(self._place(number))
        return run_as_asked(self.target, self.series.sides[number], checkouts)


@dataclass(frozen=True)
class Threshold:
    """How far a metric's mean may move, and how many pairs of trainings may show it."""

    metric: str
    beyond: float
    max_pairs: int


@dataclass(eq=False)
class ByMetric:
    """Runs each point once; where that differs, trains both with equal seeds until it is clear.

    ``compare`` gets the number of the point and holds it against the good one.
    """

    by_runs: ByRuns
    threshold: Threshold
    compare: Callable[[int, Threshold], Comparison]

    def __call__(self, number: int) -> Tried:
        """What is found at a point, in the mean over trainings."""
        once = self.by_runs(number)
        if once.state == SAME or not once.final + once.metric:  # it ends alike, or does not run
            return once
        try:
            found = self.compare(number, self.threshold)
        except WhydiffError as why:
            return Tried(number, SKIPPED, in_a_line(why))
        return judged(number, found, once)


def judged(number: int, found: Comparison, once: Tried) -> Tried:
    """What a comparison of a point with the good one says of the point."""
    effect = found.effect
    interval = f"{effect.value:+.4g} ({effect.low:+.4g} to {effect.high:+.4g})"
    why = f"{found.metric} moves by {interval} in {count(len(found.pairs), 'pair')}"
    if found.identical:
        state, why = SAME, f"equal weights in {count(len(found.pairs), 'pair')}"
    elif found.verdict == INCONCLUSIVE:
        state, why = SKIPPED, f"not clear: {why}"
    else:
        state = SAME if found.verdict == EQUIVALENT else DIFFERS
    return replace(once, number=number, state=state, why=why)


def halve(
    series: Series, ask: Ask, known: dict[int, Tried], noted: Callable[[Tried], None]
) -> dict[int, Tried]:
    """Ask about points until their answers say where the result changed.

    ``known`` are answers of before; ``noted`` gets every new one.
    """
    tried = dict(known)
    while True:
        answers = {0: SAME, **{number: one.state for number, one in tried.items()}}
        number = next_point(len(series.points), answers)
        if number is None:
            return tried
        tried[number] = ask(number)
        noted(tried[number])
