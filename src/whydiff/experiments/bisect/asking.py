"""Asking about a point: run it, and hold what it ended in against the good one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from whydiff.core.bisection import Tried
from whydiff.core.errors import WhydiffError
from whydiff.core.progress import Progress
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
