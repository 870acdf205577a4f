"""The document of a bisection: where a result changed, and the explanation of that change."""

from __future__ import annotations

from collections.abc import Iterator

from whydiff.core.findings import CONFIRMED
from whydiff.core.searches import FOUND, OPEN, REVISIONS, UNCHANGED, Bisection, Tried
from whydiff.core.words import count, listed, number, pair, source
from whydiff.report.document import (
    DIFFERENT,
    MORE,
    OPEN as UNDECIDED,
    SAME,
    SCREEN,
    Document,
    Section,
    Table,
    notes,
)
from whydiff.report.documents import explanation
from whydiff.report.documents.calls import said_of_ignored
from whydiff.report.documents.reproduce import reproduce, with_page

_STATES = {"same": "as the good one", "differs": "differs", "skipped": "skipped"}


def document(found: Bisection, name: str = "") -> Document:
    """Verdict, every point that was looked at, and why the two found differ."""
    sections = [_points(found), notes("search-notes", "What to know of the search", found.notes)]
    if found.explanation is not None:
        sections += explanation.document(found.explanation).sections
    elif found.command:
        sections.append(reproduce([with_page(found.command)], {}, name))
    tones = {FOUND: DIFFERENT, UNCHANGED: SAME}
    return Document(
        question=found.question,
        verdict=verdict(found),
        tone=tones.get(found.verdict, UNDECIDED),
        sides=tuple(_sides(found)),
        facts=tuple(_facts(found)),
        sections=tuple(sections),
        more=MORE,
    )


def verdict(found: Bisection) -> str:
    """One sentence that says where the result changed."""
    good, bad = found.points[0].text(), found.points[-1].text()
    if found.verdict == UNCHANGED:
        return f"The result of {found.script} is the same at {good} and at {bad}."
    if found.verdict == OPEN:
        return (
            f"It could not be told where the result of {found.script} changed: every point that "
            f"could be compared ends as {good} does, {bad} could not."
        )
    if found.verdict != FOUND:
        return f"{found.script} does not end in the same twice, so there is nothing to search for."
    first, before = found.point(found.first).text(), found.point(found.before).text()
    said = (
        f"The result of {found.script} changed with {first}"
        if found.over == REVISIONS and not found.between
        else f"The result of {found.script} changed between {before} and {first}"
    )
    e = found.explanation
    causes = [c for c in e.causes if not c.ignored] if e else []
    confirmed = [source(c.source, mechanism=c.mechanism) for c in causes if c.status == CONFIRMED]
    because = f", because of {listed(confirmed)}" if confirmed else ""
    return f"{said}{because}.{said_of_ignored(e) if e else ''}"


def _sides(found: Bisection) -> Iterator[tuple[str, str]]:
    if found.verdict == FOUND:
        yield "A", f"{found.script} at {found.point(found.before).text()}"
        yield "B", f"{found.script} at {found.point(found.first).text()}"


def _facts(found: Bisection) -> Iterator[tuple[str, str]]:
    noun = {REVISIONS: "commit"}.get(found.over, "release" if found.over == "versions" else "day")
    known = len(found.tried) - found.runs
    again = f", {known} known from before" if known > 0 else ""
    yield "Searched", f"{count(len(found.points), noun)}; {found.runs} were run{again}"
    if found.changed:
        yield "Changed there", listed(list(found.changed[:6]))
    tried = {one.number: one for one in found.tried}
    a, b = (tried.get(n) if n is not None else None for n in (found.before, found.first))
    if a and b and a.metric == b.metric and None not in (a.value, b.value):
        yield a.metric, " vs. ".join(pair(a.value, b.value))


def _points(found: Bisection) -> Section:
    tried = sorted(found.tried, key=lambda one: one.number)
    legend = f"{found.rule}." if found.rule else ""
    table = Table(
        ("Commit" if found.over == REVISIONS else "Point", "Result", "Number", "How it was told"),
        tuple(_row(found, one) for one in tried),
        marked=frozenset(n for n, one in enumerate(tried) if one.state == "differs"),
        legend=legend,
    )
    return Section("points", "Points that were run", (table,) if tried else (), depth=SCREEN)


def _row(found: Bisection, tried: Tried) -> tuple[str, ...]:
    value = f"{tried.metric} {number(tried.value)}" if tried.value is not None else "-"
    return found.point(tried.number).text(), _STATES[tried.state], value, tried.why
