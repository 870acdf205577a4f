"""The document of a comparison of two recorded fits."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN, Diff
from whydiff.core.words import capital, count, listed, source
from whydiff.report.document import (
    DIFFERENT,
    SAME,
    SCREEN,
    Block,
    Document,
    Facts,
    Section,
    Table,
    Text,
    notes,
)
from whydiff.report.documents.calls import rows_apart, side_of
from whydiff.report.documents.first_divergence import first_divergence, point
from whydiff.report.documents.reproduce import reproduce
from whydiff.report.documents.sides import side_by_side

#: what differs comes first
_ORDER = {DIFFERS: 0, UNKNOWN: 1, IDENTICAL: 2}


NOT_YET = "A difference is not yet a cause: `whydiff explain` confirms which of them matter."


def document(diff: Diff, name: str = "") -> Document:
    """Verdict, what differs and what does not; then the first divergence, sides, the commands."""
    again = diff.evidence.get("command") or shlex.join(["whydiff", "diff", diff.a, diff.b])
    command = f"{again} --html report.html"
    differs = any(f.status == DIFFERS for f in diff.findings)
    sections = [
        *([] if diff.kind == "calls" else [first_divergence(diff.first_divergence, diff.evidence)]),
        _sources(diff),
        *rows_apart(diff.evidence.get("rows") or []),
        *_differing(diff),
        notes("notes", "Notes", (*diff.notes, NOT_YET) if differs else diff.notes),
        *([] if diff.kind == "calls" else [side_by_side(diff.evidence)]),
        reproduce([command], diff.evidence, name),
    ]
    return Document(
        question="In what do two recorded trainings differ?"
        if diff.kind == "fits"
        else "In what do two recorded uses of a model differ?",
        verdict=verdict(diff),
        tone=SAME if diff.identical else DIFFERENT,
        sides=(("A", diff.a), ("B", diff.b)),
        facts=tuple(_facts(diff)),
        sections=tuple(sections),
    )


def verdict(diff: Diff) -> str:
    """One sentence that answers whether the two agree."""
    if diff.identical and diff.incomplete:
        return f"As far as both were recorded, the two {diff.kind} are identical, bit for bit."
    if diff.identical:
        return f"The two {diff.kind} are identical, bit for bit."
    different = [
        source(f.source)
        for f in diff.findings
        if f.status == DIFFERS and f.source not in diff.ignored
    ]
    ignored = f" Ignored: {listed([source(s) for s in diff.ignored])}." if diff.ignored else ""
    if different:
        return f"The two {diff.kind} differ in {listed(different)}.{ignored}"
    if ignored:
        return f"The two {diff.kind} differ; no source was seen but those to ignore.{ignored}"
    return f"The two {diff.kind} differ; no source of the difference was seen."


def _facts(diff: Diff) -> Iterator[tuple[str, str]]:
    calls = diff.evidence.get("calls") or {}
    for side, reference in (("a", diff.a), ("b", diff.b)):
        told = f"{reference}: {side_of(calls[side])}" if calls else reference
        yield side.upper(), told
    steps = diff.evidence.get("equal steps") or {}
    if not diff.identical:
        measuring = diff.kind == "calls"
        yield "First divergence", capital(point(diff.first_divergence, measuring=measuring))
    if steps:
        digested = f" ({steps['digested']} were digested)" if "digested" in steps else ""
        equal = f"{steps['equal']} of {count(steps['of'], 'step')}"
        yield "Equal from the beginning", equal + digested


def _sources(diff: Diff) -> Section:
    findings = sorted(diff.findings, key=lambda f: _ORDER.get(f.status, 1))
    rows = tuple((f.source, f.status, _about(f.detail, f.evidence)) for f in findings)
    table = Table(("Source", "Status", "Evidence"), rows)
    return Section("sources", "Source by source", (table,) if rows else (), depth=SCREEN)


def _about(detail: str, evidence: str) -> str:
    return detail if evidence in detail else f"{detail}: {evidence}" if detail else evidence


def _differing(diff: Diff) -> Iterator[Section]:
    blocks: list[Block] = []
    for finding in diff.findings:
        if finding.status != DIFFERS:
            continue
        rows = [("What differs", finding.detail or finding.evidence)]
        if finding.detail and finding.detail != finding.evidence:
            rows.append(("Evidence", finding.evidence))
        if finding.remedy:
            rows.append(("What to do", finding.remedy))
        heading = f"{capital(source(finding.source))} ({finding.source})"
        blocks += [Text(heading, "verdict"), Facts(tuple(rows))]
    if blocks:
        yield Section("differing", "What differs, in detail", tuple(blocks))
