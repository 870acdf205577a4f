"""The page of a comparison of two recorded fits."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN, Diff
from whydiff.core.words import capital, count, source
from whydiff.report.blocks import Block, Facts, Table, Text
from whydiff.report.diff_view import verdict
from whydiff.report.page import DIFFERENT, SAME, Page, Section
from whydiff.report.pages.reproduce import reproduce
from whydiff.report.pages.sides import side_by_side
from whydiff.report.pages.way import way
from whydiff.report.point import point


def page(diff: Diff, name: str = "") -> Page:
    """Verdict, way, what differs, what does not, both sides, the commands."""
    command = shlex.join(["whydiff", "diff", diff.a, diff.b, "--html", "report.html"])
    sections = [
        way(diff.first_divergence, diff.evidence),
        *_differing(diff),
        *_rest(diff),
        side_by_side(diff.evidence),
        reproduce([command], diff.evidence, name),
    ]
    return Page(
        title=f"whydiff: {verdict(diff)}",
        question="In what do two recorded trainings differ?",
        verdict=verdict(diff),
        tone=SAME if diff.identical else DIFFERENT,
        sides=(("A", diff.a), ("B", diff.b)),
        facts=tuple(_facts(diff)),
        sections=tuple(s for s in sections if s.blocks or s.lead),
    )


def _facts(diff: Diff) -> Iterator[tuple[str, str]]:
    steps = diff.evidence.get("equal steps") or {}
    if not diff.identical:
        yield "They part", capital(point(diff.first_divergence))
    if steps:
        yield "Equal from the beginning", f"{steps['equal']} of {count(steps['of'], 'step')}"
    differing = sum(f.status == DIFFERS for f in diff.findings)
    yield "Sources that differ", f"{differing} of {len(diff.findings)}"


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
        lead = "A difference is not yet a cause: `whydiff explain` proves which of them matter."
        yield Section("differing", "What differs", tuple(blocks), lead)


def _rest(diff: Diff) -> Iterator[Section]:
    blocks: list[Block] = []
    for status, heads in (
        (IDENTICAL, ("Equal", "Evidence")),
        (UNKNOWN, ("Could not be judged", "What is missing")),
    ):
        rows = tuple((f.source, f.evidence) for f in diff.findings if f.status == status)
        if rows:
            blocks.append(Table(heads, rows))
    blocks += [Text(note, "note") for note in diff.notes]
    if blocks:
        yield Section("cleared", "What is equal", tuple(blocks))
