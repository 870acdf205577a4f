"""From what was found at the points to the answer: plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from whydiff.core.findings import Explanation
from whydiff.core.searches import FOUND, OPEN, UNCHANGED, UNREPEATABLE, Bisection, Tried
from whydiff.core.words import listed, pair
from whydiff.experiments.bisect.points import Series
from whydiff.experiments.bisect.search import SAME, place


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
