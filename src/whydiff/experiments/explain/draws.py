"""Lines of a script that may have drawn its data or settings from a generator without a seed, or
taken them in the order in which threads end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from whydiff.core.findings import Finding
from whydiff.core.recording import Side
from whydiff.core.words import listed
from whydiff.diagnosis.sources import seeds
from whydiff.diagnosis.sources.drawn import drawn_otherwise
from whydiff.experiments.explain.texts import text_of
from whydiff.lint.script import Source
from whydiff.lint.seeds import unseeded_draws
from whydiff.script_text.orders import completion_orders
from whydiff.script_text.pools import RACE, racing_draws

_MODULES = {"numpy": "numpy.random", "random": "random"}
_MOST_LINES = 3


def with_drawing_lines(
    findings: Sequence[Finding],
    scripts: tuple[Path, Path],
    sides: tuple[Side, Side],
    alike: bool = False,
) -> tuple[Finding, ...]:
    """Findings of two runs with the lines that may have drawn what differs, where both have some.

    ``alike`` says that one program was run twice in one way.
    """
    lines = [_draws(path, side) for path, side in zip(scripts, sides, strict=True)]
    named = list(dict.fromkeys([*lines[0], *lines[1]])) if all(lines) else []
    more = len(named) - _MOST_LINES
    said = listed([*named[:_MOST_LINES], *([f"{more} more"] if more > 0 else [])]) if named else ""
    racing = bool(named) and all(RACE in line for line in named)
    return tuple(drawn_otherwise(finding, said, alike, racing) for finding in findings)


def _draws(path: Path, side: Side) -> list[str]:
    """``train.py:24: permutation draws from NumPy's global generator, which nothing had seeded``"""
    before = seeds.ledger_at(side)
    seeded = [m for name, m in _MODULES.items() if seeds.seeding_of(side, before, name)]
    try:
        source = Source(text_of(path))
    except (OSError, SyntaxError, ValueError):
        return []
    called = side.fit.stack[0].line if side.fit.stack else None
    lines = [(hit.line, hit.what) for hit in unseeded_draws(source, seeded)]
    lines += racing_draws(source.script, source.names)
    for _, line, what in completion_orders(source.script, source.names):
        function = what.partition("(")[0]
        lines.append((line, f"{function} gives results in the order in which they are done"))
    return [
        f"{path.name}:{line}: {what}"
        for line, what in lines
        if called is None or line <= called or path.name != Path(side.fit.stack[0].file).name
    ]
