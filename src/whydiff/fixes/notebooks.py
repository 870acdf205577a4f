"""Changes of a notebook: its cells as one script, and a patch of each cell that is changed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace

from whydiff.core.recording import Execution, Fit, Side
from whydiff.core.stack import Frame
from whydiff.script_text.edits import unified
from whydiff.script_text.notebooks import Cell, from_script, lines_above

_PLACE = re.compile(r"(?P<file>.*) \(cell (?P<cell>\d+)\)$")


def as_one_script(sides: Sequence[Side], cells: list[Cell]) -> list[Side]:
    """The sides of a comparison as if they had run the text of all cells.

    Sides of one execution stay sides of one.
    """
    above = lines_above(cells)
    moved: dict[int, Execution] = {}
    found = []
    for side in sides:
        key = id(side.execution)
        moved.setdefault(key, _moved(side.execution, above))
        places = (i for i, fit in enumerate(side.execution.fits) if fit is side.fit)
        place = next(places, None)  # successive fits held as one are none of them
        one = _fit(side.fit, side.execution.script, above)
        found.append(Side(moved[key], one if place is None else moved[key].fits[place]))
    return found


def _moved(execution: Execution, above: dict[int, int]) -> Execution:
    script = execution.script
    return replace(
        execution,
        fits=tuple(_fit(fit, script, above) for fit in execution.fits),
        ledger=tuple(replace(d, stack=_stack(d.stack, script, above)) for d in execution.ledger),
    )


def _fit(fit: Fit, script: str, above: dict[int, int]) -> Fit:
    return replace(fit, stack=_stack(fit.stack, script, above))


def _stack(frames: Sequence[Frame], script: str, above: dict[int, int]) -> tuple[Frame, ...]:
    return tuple(_in_script(frame, script, above) for frame in frames)


def _in_script(frame: Frame, script: str, above: dict[int, int]) -> Frame:
    place = _PLACE.match(frame.file)
    if place is None or int(place["cell"]) not in above:
        return frame
    return replace(frame, file=script, line=above[int(place["cell"])] + frame.line)


def patch(cells: list[Cell], changed: str, name: str) -> str:
    """Unified diffs of the cells that differ in a changed text of all cells, as they stand in the
    notebook; "" where a cell holds lines that look like those that name cells."""
    others = from_script(changed)
    if [cell.number for cell in cells] != [cell.number for cell in others]:
        return ""
    pairs = zip(cells, others, strict=True)
    return "".join(
        unified(f"{cell.original}\n", f"{_changed(cell, other)}\n", cell.file(name))
        for cell, other in pairs
        if cell.text != other.text
    )


def _changed(cell: Cell, other: Cell) -> str:
    """The changed cell, with its lines for IPython where they were."""
    before, after = cell.text.split("\n"), other.text.split("\n")
    original = cell.original.split("\n")
    lines = []
    steps = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for step, i, j, k, m in steps:
        lines += original[i:j] if step == "equal" else after[k:m]
    return "\n".join(lines)
