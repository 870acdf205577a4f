"""Lines of a script that may have drawn the data from a generator without a seed.

The ledger holds what was seeded, not what was drawn; the text holds where something is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recording import Side
from whydiff.core.words import listed
from whydiff.diagnosis.sources import data_content, seeds
from whydiff.experiments.explain.texts import text_of
from whydiff.lint.script import Source
from whydiff.lint.seeds import unseeded_draws

#: Mechanisms of data of which nothing else says how they came to differ.
_UNSAID = ("", "unseeded-split", "unseeded-generator", "other-subset")
_MODULES = {"numpy": "numpy.random", "random": "random"}
_MOST_LINES = 3


def with_drawing_lines(
    findings: Sequence[Finding], scripts: tuple[Path, Path], a: Side, b: Side
) -> tuple[Finding, ...]:
    """Findings of two runs, in which other data name the lines that may have drawn them.

    What a script draws from a generator that nothing seeded is not intentional, also where two
    scripts do so.
    """
    return tuple(
        _named(finding, scripts, (a, b)) if _unsaid(finding) else finding for finding in findings
    )


def _unsaid(finding: Finding) -> bool:
    data = finding.source == data_content.ID and finding.status == DIFFERS
    return data and finding.mechanism in _UNSAID and finding.detail in ("", finding.evidence)


def _named(finding: Finding, scripts: tuple[Path, Path], sides: tuple[Side, Side]) -> Finding:
    lines = [_draws(path, side) for path, side in zip(scripts, sides, strict=True)]
    named = list(dict.fromkeys([*lines[0], *lines[1]]))
    if not all(lines):
        return finding
    more = len(named) - _MOST_LINES
    shown = [*named[:_MOST_LINES], *([f"{more} more"] if more > 0 else [])]
    mechanism = finding.mechanism
    if mechanism not in ("unseeded-split", "unseeded-generator"):
        mechanism = "unseeded-split" if mechanism == "other-subset" else "unseeded-generator"
    detail = f"{finding.evidence}; {listed(shown)}"
    return replace(finding, detail=detail, mechanism=mechanism, intended=False)


def _draws(path: Path, side: Side) -> list[str]:
    """``train.py:24: permutation draws from NumPy's global generator, which nothing had seeded``"""
    before = seeds.ledger_at(side)
    seeded = [m for name, m in _MODULES.items() if seeds.seeding_of(side, before, name)]
    try:
        source = Source(text_of(path))
    except (OSError, SyntaxError, ValueError):
        return []
    called = side.fit.stack[0].line if side.fit.stack else None
    return [
        f"{path.name}:{hit.line}: {hit.what}"
        for hit in unseeded_draws(source, seeded)
        if called is None or hit.line <= called or path.name != Path(side.fit.stack[0].file).name
    ]
