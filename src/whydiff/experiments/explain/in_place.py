"""The lines of a script that wrote into an array between two calls that were given it."""

from __future__ import annotations

import re
from pathlib import Path

from whydiff.core.calls import MeasuringCall
from whydiff.core.words import listed
from whydiff.experiments.explain.texts import text_of
from whydiff.script_text.edits import parse
from whydiff.script_text.given import name_given
from whydiff.script_text.in_place import writes_into
from whydiff.script_text.notebooks import as_script, cells, lines_above

_CELL = re.compile(r"(?P<file>.*) \(cell (?P<cell>\d+)\)$")
_MOST_LINES = 3


def lines_written(a: MeasuringCall, b: MeasuringCall) -> str:
    """``train.py:12: x /= 255``; "" where the text does not tell, or where the two calls were made
    in other files or functions."""
    if not a.stack or not b.stack or a.stack[-1].function != b.stack[-1].function:
        return ""
    places = [_opened(call.stack[-1].file, call.stack[-1].line) for call in (a, b)]
    (file, above, first), (other, _, last) = places
    if file != other or not file.is_file():
        return ""
    try:
        text = text_of(file)
        script = parse(as_script(cells(text)) if above else text)
    except (OSError, SyntaxError, ValueError):
        return ""
    name = name_given(script.tree, last)
    if not name or name != name_given(script.tree, first):
        return ""
    found = sorted(writes_into(script, name, min(first, last), max(first, last)))
    return listed([f"{_said(file, above, line)}: {code}" for line, code in found[:_MOST_LINES]])


def _opened(name: str, line: int) -> tuple[Path, dict[int, int], int]:
    """The file of a frame, the lines above each of its cells, and the line in the whole text."""
    place = _CELL.match(name)
    if place is None:
        return Path(name), {}, line
    file = Path(place["file"])
    above = lines_above(cells(text_of(file))) if file.is_file() else {}
    return file, above, line + above.get(int(place["cell"]), 0)


def _said(file: Path, above: dict[int, int], line: int) -> str:
    inside = [(start, cell) for cell, start in above.items() if start < line]
    if not inside:
        return f"{file.name}:{line}"
    start, cell = max(inside)
    return f"{file.name} (cell {cell}):{line - start}"
