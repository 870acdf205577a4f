"""The lines of a person's files that causes and suspects name, for annotations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whydiff.core.findings import CONFIRMED, DIFFERS, Cause, Finding
from whydiff.core.places import place_in
from whydiff.core.words import capital, source
from whydiff.report.document import Place


def places_of_causes(
    causes: Sequence[Cause], a: Mapping[str, Any], b: Mapping[str, Any]
) -> Iterator[Place]:
    """A place per cause: the line that it names, else the line of B's call.

    ``a`` and ``b`` are the sides of an explanation. What the script sets on
    purpose, and what is ignored, is a notice.
    """
    script = str(b.get("script") or a.get("script") or "")
    line = int(b.get("line") or a.get("line") or 0)
    for cause in causes:
        named, _, number = cause.where.rpartition(":")
        file, at = (named, int(number)) if number.isdecimal() else (script, line)
        level = "error" if cause.status == CONFIRMED else "warning"
        if cause.intended or cause.ignored:
            level = "notice"
        what = capital(source(cause.source, mechanism=cause.mechanism))
        title = f"{what} ({cause.source}, {cause.status})"
        told = (cause.detail or cause.evidence, cause.remedy)
        message = "\n".join(dict.fromkeys(text for text in told if text))
        yield Place(level, file, at, title, message)


def places_of_findings(findings: Sequence[Finding], script: str, level: str) -> Iterator[Place]:
    """A place per source that differs, where its finding names a line; else the script."""
    for finding in findings:
        if finding.status != DIFFERS:
            continue
        named = place_in(f"{finding.detail} {finding.evidence}", script) or (script, 0)
        message = finding.detail or finding.evidence
        title = f"{capital(source(finding.source))} differs ({finding.source})"
        yield Place(level, *named, title, message)
