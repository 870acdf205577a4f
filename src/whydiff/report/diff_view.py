"""A comparison of two recorded fits as blocks."""

from __future__ import annotations

from collections.abc import Iterator

from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN, Diff
from whydiff.core.words import listed, source
from whydiff.report.blocks import Block, Facts, Table, Text
from whydiff.report.point import point

_ORDER = {DIFFERS: 0, UNKNOWN: 1, IDENTICAL: 2}


def diff_blocks(diff: Diff) -> Iterator[Block]:
    """Verdict, point of divergence, then every source: what differs first."""
    yield Text(verdict(diff), "verdict")
    facts = [("A", diff.a), ("B", diff.b)]
    if not diff.identical:
        facts.append(("They part", point(diff.first_divergence)))
    yield Facts(tuple(facts))
    findings = sorted(diff.findings, key=lambda f: _ORDER.get(f.status, 1))
    rows = tuple((f.source, f.status, _about(f.detail, f.evidence)) for f in findings)
    if rows:
        yield Table(("Source", "Status", "Evidence"), rows)
    yield from (Text(note, "note") for note in diff.notes)
    if any(f.status == DIFFERS for f in findings):
        yield Text(
            "A difference is not yet a cause: `whydiff explain` proves which of them matter.",
            "note",
        )


def verdict(diff: Diff) -> str:
    """One sentence that answers whether the two agree."""
    if diff.identical and diff.incomplete:
        return "As far as both were recorded, the two fits are identical, bit for bit."
    if diff.identical:
        return "The two fits are identical, bit for bit."
    different = [source(f.source) for f in diff.findings if f.status == DIFFERS]
    if different:
        return f"The two fits differ in {listed(different)}."
    return "The two fits differ; no source of the difference was seen."


def _about(detail: str, evidence: str) -> str:
    return f"{detail}: {evidence}" if detail and detail != evidence else evidence
