"""The document of two runs of a tracker: what differs of what it keeps, and what that says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from whydiff.core.tracked import METRIC, RunDifferences
from whydiff.core.words import count, listed
from whydiff.report.document import (
    DIFFERENT,
    MORE,
    OPEN,
    SCREEN,
    Document,
    Section,
    Table,
    notes,
)
from whydiff.report.documents import explanation
from whydiff.report.documents.reproduce import reproduce

_PLURAL = {"arguments": "the arguments", "revision": "the revision", "script": "the script"}


def document(found: RunDifferences, name: str = "") -> Document:
    """Verdict, the table of differences, and the explanation where recordings are attached."""
    sections = [
        *_differences(found),
        notes("runs-notes", "What to know of these runs", found.notes),
    ]
    if found.explanation is not None:
        sections += explanation.document(found.explanation).sections
    elif found.command:
        sections.append(reproduce([found.command], {}, name))
    return Document(
        question=found.question,
        verdict=verdict(found),
        tone=DIFFERENT if found.differences else OPEN,
        sides=(("A", found.a), ("B", found.b)),
        facts=tuple(_facts(found)),
        sections=tuple(sections),
        more=MORE,
    )


def verdict(found: RunDifferences) -> str:
    """One sentence: in what the runs differ, apart from their results."""
    kinds = Counter(d.kind for d in found.differences if d.kind != METRIC)
    said = [_PLURAL.get(kind) or count(number, kind) for kind, number in kinds.items()]
    if said:
        return f"The two runs differ in {listed(said)}."
    if found.explanation is not None:
        return explanation.document(found.explanation).verdict
    if found.differences:
        return "The results of the two runs differ; nothing else that the tracker keeps does."
    return "Nothing that the tracker keeps of the two runs differs."


def _facts(found: RunDifferences) -> Iterator[tuple[str, str]]:
    yield "Compared", f"{found.a} and {found.b}"
    yield "Equal", f"{found.equal} of {found.equal + len(found.differences)} values"
    if found.command:
        yield "To prove why", found.command


def _differences(found: RunDifferences) -> Iterator[Section]:
    rows = tuple((d.kind, d.name, _text(d.a), _text(d.b)) for d in found.differences)
    if rows:
        table = Table(("What", "Name", "A", "B"), rows)
        yield Section("differences", "What the tracker keeps", (table,), depth=SCREEN)


def _text(value: str | None) -> str:
    return "-" if value is None else value
