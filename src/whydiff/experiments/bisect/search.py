"""Asking about points until their answers say where a result changed.

Points are numbered in their order; point 0 is the good one. What is asked of a point is whether
it differs from the good one. Of n points at most ceil(log2 n) are asked about where all can be
answered: that tells which of them is the first to differ, or that none does.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from whydiff.core.comparison import EQUIVALENT, INCONCLUSIVE, Comparison
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Explanation
from whydiff.core.progress import Progress
from whydiff.core.searches import FOUND, OPEN, UNCHANGED, UNREPEATABLE, Bisection, Tried
from whydiff.core.words import count, listed, pair
from whydiff.experiments.bisect.points import Series
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
from whydiff.runner.client import Run
from whydiff.runner.revisions import Checkouts
from whydiff.runner.running import Runs, run_as_asked

SAME, DIFFERS, SKIPPED = "same", "differs", "skipped"


@dataclass(frozen=True)
class Place:
    """Where the result changed: after ``before``, at ``first``; ``first`` is None if nowhere.

    ``between`` are points between these two that could not be compared: the change may be in any
    of them. ``again`` are points after ``first`` that do not differ, so that the result changed
    back. ``open``: no point was seen to differ, but the last one could not be compared.
    """

    before: int
    first: int | None
    between: tuple[int, ...] = ()
    again: tuple[int, ...] = ()
    open: bool = False


def next_point(count: int, answers: Mapping[int, str]) -> int | None:
    """The point to ask about next, None where the answers say all that can be said.

    ``answers`` holds SAME, DIFFERS or SKIPPED by the number of a point. It is the middle one of
    those that are left, so that a point that is skipped costs no more than its own question.
    """
    low, high = _around(count, answers)
    unknown = [point for point in range(low + 1, high) if point not in answers]
    return unknown[(len(unknown) - 1) // 2] if unknown else None


def place(count: int, answers: Mapping[int, str]) -> Place:
    """What the answers say once there is nothing more to ask."""
    low, high = _around(count, answers)
    between = tuple(p for p in range(low + 1, high) if answers.get(p) == SKIPPED)
    if high == count:
        return Place(low, None, between, open=bool(between))
    again = tuple(sorted(p for p, said in answers.items() if said == SAME and p > high))
    return Place(low, high, between, again)


def _around(count: int, answers: Mapping[int, str]) -> tuple[int, int]:
    """The last point known to be the same before the first known to differ; these two.

    ``count`` stands for a point behind the last one, which differs by definition.
    """
    high = min((p for p, said in answers.items() if said == DIFFERS), default=count)
    low = max((p for p, said in answers.items() if said == SAME and p < high), default=0)
    return low, high


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
        trial = try_run(self.runs, self._run(0), self._place(0), self.progress)
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
        trial = try_run(self.runs, run, self._place(number), self.progress)
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


def answer(
    target: str, series: Series, tried: Mapping[int, Tried], merge: Callable[[int], str]
) -> Bisection:
    """What the answers at the points say. ``merge`` says what to ask of a point that is a merge."""
    answers = {0: SAME, **{number: one.state for number, one in tried.items()}}
    found = place(len(series.points), answers)
    last = len(series.points) - 1
    verdict = FOUND if found.first is not None else OPEN if found.open else UNCHANGED
    notes = list(series.notes)
    if found.between:
        names = [series.points[n].text() for n in found.between]
        notes.append(
            f"The change may also have come with {listed(names)}, which could not be compared."
        )
    if found.again:
        names = [series.points[n].text() for n in found.again]
        notes.append(f"The result changed back later: {listed(names)} end as the good one does.")
    later = [t for n, t in tried.items() if found.first is not None and n > found.first]
    if found.first is not None and _several(tried[found.first], later):
        notes.append(
            "Later points differ from this one, too: the result changed more than once, and this "
            "is the first change that was met."
        )
    if found.first is not None and last not in tried:
        notes.append(f"{series.points[last].text()} itself was not run: it was called bad.")
    if found.first is not None and merge(found.first):
        notes.append(merge(found.first))
    return Bisection(
        question=f"Where did the result of {target} change between {series.points[0].name} and "
        f"{series.points[last].name}?",
        script=target, over=series.over, verdict=verdict, points=series.points,
        tried=tuple(tried.values()), before=found.before, first=found.first,
        between=found.between, notes=tuple(notes),
    )  # fmt: skip


def _several(first: Tried, later: Sequence[Tried]) -> bool:
    return any(t.final and first.final and t.final != first.final for t in later)


def explained(found: Bisection, explanation: Explanation, *, as_it_is: bool) -> Bisection:
    """The answer with its explanation; none where the points did not end in the same again.

    ``as_it_is``: results were compared as they are, so that both have to repeat themselves.
    """
    assert found.before is not None and found.first is not None
    earlier = {one.number: one for one in found.tried}
    for number, side in ((found.before, explanation.a), (found.first, explanation.b)):
        said = _other_end(earlier.get(number), side) if as_it_is else ""
        if said:
            note = (
                f"{found.script} does not end in the same twice: at {found.point(number).text()} "
                f"{said} in two runs. Make it repeat itself (whydiff explain --runs says why it "
                "does not), or ask for a difference beyond chance: --metric NAME --beyond X."
            )
            return replace(
                found, verdict=UNREPEATABLE, notes=(note,), before=None, first=None, between=(),
                search="",
            )  # fmt: skip
    return replace(found, explanation=explanation)


def _other_end(tried: Tried | None, side: dict[str, Any]) -> str:
    """What a fit ended with in the search and in the explanation, where that differs."""
    if tried is None or not isinstance(side.get("fit"), int) or side["fit"] > len(tried.logs):
        return ""
    logs = tried.logs[side["fit"] - 1]
    for name, value in (side.get("logs") or {}).items():
        if name in logs and repr(float(value)) != repr(float(logs[name])):
            one, other = pair(float(logs[name]), float(value))
            return f"{name} was {one} and {other}"
    return ""
