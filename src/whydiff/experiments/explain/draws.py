"""Lines of a program that may have drawn its data or settings from a generator without a seed, or
taken them in the order in which threads end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from whydiff.core.findings import Finding
from whydiff.core.recording import Side
from whydiff.core.words import listed
from whydiff.diagnosis.sources import seeds
from whydiff.diagnosis.sources.drawn import drawn_otherwise
from whydiff.experiments.explain.texts import modules_of, text_of
from whydiff.lint.script import Source
from whydiff.lint.seeds import unseeded_draws
from whydiff.script_text.call_order import Text, lines_to
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
    files = {path: _source(path)}
    files |= {module: _source(module) for module, _ in modules_of(path, path.parent)}
    known = {file: source for file, source in files.items() if source is not None}
    if path not in known:
        return []
    seeded = _first_seeded(side, {str(file) for file in known})
    texts = {
        file: Text(s.script, s.names, "" if file == path else file.stem)
        for file, s in known.items()
    }
    found: list[str] = []
    for file, source in known.items():
        text = texts[file]
        reached = partial(lines_to, [*texts.values()], text)
        hits = unseeded_draws(source, seeded, reached, helper=file != path)
        lines = [(hit.line, hit.what) for hit in hits]
        if file == path:
            lines += racing_draws(source.script, source.names)
            for _, line, what in completion_orders(source.script, source.names):
                function = what.partition("(")[0]
                what = f"{function} gives results in the order in which they are done"
                lines.append((line, what))
        kept = [(line, what) for line, what in lines if _before(side, file, line)]
        found += [f"{file.name}:{line}: {what}" for line, what in kept]
    return [*found, *_made_in_helpers(side, {str(file): file for file in known if file != path})]


def _made_in_helpers(side: Side, files: Mapping[str, Path]) -> list[str]:
    """Generators without a seed that other files of the program were seen to make."""
    made = [d for d in seeds.generators_of(side) if d.seed is None]
    return [
        f"{files[frame.file].name}:{frame.line}: {d.owner.rpartition('.')[2]}() has no seed"
        for d in made
        for frame in d.stack[-1:]
        if frame.file in files
    ]


def _source(path: Path) -> Source | None:
    try:
        return Source(text_of(path))
    except (OSError, SyntaxError, ValueError):
        return None


def _first_seeded(side: Side, files: set[str]) -> Mapping[str, tuple[int, ...]]:
    """The modules whose generator the run seeded, with the lines of the program that led there."""
    before = seeds.ledger_at(side)
    found = {}
    for name, module in _MODULES.items():
        seeding = seeds.first_seeding(side, before, name)
        if seeding is not None:
            found[module] = tuple(f.line for f in seeding.stack if f.file in files)
    return found


def _before(side: Side, file: Path, line: int) -> bool:
    """Whether a line stands above the fit, where both are in one file."""
    called = side.fit.stack[0] if side.fit.stack else None
    return called is None or line <= called.line or file.name != Path(called.file).name
