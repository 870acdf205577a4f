"""The document of a matrix: which sets of packages end alike."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from whydiff.core.searches import COLUMNS, DIFFERENT, EQUAL, FAILED, ROUNDING, Cell, Matrix
from whydiff.core.words import count, listed, number
from whydiff.report.document import (
    DIFFERENT as DIFFER,
    MORE,
    OPEN,
    SAME,
    SCREEN,
    Block,
    Code,
    Document,
    Section,
    Table,
    Text,
)
from whydiff.report.documents.reproduce import reproduce, with_page

_LEVELS = {EQUAL: "equal bits", ROUNDING: "rounding", DIFFERENT: "differs", FAILED: "no result"}
_LEGEND = (
    "Equal letters in a column mean equal bits. Rounding: no further from the first set than one "
    "ULP in one initial weight takes this training, measured."
)


def document(found: Matrix, name: str = "") -> Document:
    """Verdict, the table of sets, why they differ or gave no result, what to ask next."""
    sections = [_sets(found), *_reasons(found), *_next(found)]
    if found.command:
        sections.append(reproduce([with_page(found.command)], {}, name))
    levels = {cell.level for cell in found.cells}
    return Document(
        question=found.question,
        verdict=verdict(found),
        tone=DIFFER if DIFFERENT in levels else SAME if levels <= {EQUAL, ROUNDING} else OPEN,
        sections=tuple(sections),
        more=MORE,
    )


def verdict(found: Matrix) -> str:
    """One sentence that says how many sets agree."""
    if not found.reference:
        return f"{found.script} gave no result under any of the sets."
    others = [cell for cell in found.cells if cell.name != found.reference]
    words = {
        EQUAL: "with equal bits in {}",
        ROUNDING: "no further away than rounding in {}",
        DIFFERENT: "otherwise in {}",
    }
    parts = [
        text.format(len(cells))
        for level, text in words.items()
        if (cells := [c for c in others if c.level == level])
    ]
    failed = sum(cell.level == FAILED for cell in others)
    rest = len(others) - failed - sum(cell.level in words for cell in others)
    parts += [f"in {rest} that could not be told"] if rest else []
    ends = f" ends {listed(parts)}" if parts else " has nothing to be compared with"
    base = f"Of {count(len(others), 'other set')} than {found.reference}, {found.script}{ends}"
    return f"{base}; {failed} gave no result." if failed else f"{base}."


def _sets(found: Matrix) -> Section:
    groups = {column: found.groups(column) for column in COLUMNS}
    rows = []
    for cell in found.cells:
        letters = [groups[column][cell.name] for column in ("initial", "first", "final")]
        rows.append((cell.name, *letters, _number(found, cell, groups["metric"]), _level(cell)))
    table = Table(
        ("Set", *list(COLUMNS.values())[:3], found.metric or "Metric", "Against the first"),
        tuple(rows),
        marked=frozenset(n for n, c in enumerate(found.cells) if c.level == DIFFERENT),
        legend=_LEGEND,
    )
    return Section("sets", "Sets of packages", (table,), depth=SCREEN)


def _number(found: Matrix, cell: Cell, letters: dict[str, str]) -> str:
    metrics = cell.outcome.metrics()
    if found.metric not in metrics:
        return "-"
    return f"{number(metrics[found.metric])} ({letters[cell.name]})"


def _level(cell: Cell) -> str:
    return _LEVELS.get(cell.level, cell.level)


def _reasons(found: Matrix) -> Iterator[Section]:
    told = [(c.name, c.why, c.moved or "-") for c in found.cells if c.level != EQUAL]
    if told:
        table = Table(("Set", "Why", "Packages in other versions"), tuple(told))
        yield Section("reasons", "Those that differ, or gave no result", (table,), depth=SCREEN)


def _next(found: Matrix) -> Iterator[Section]:
    cell = next((c for c in found.cells if c.level == DIFFERENT and c.requirements), None)
    if cell is None:
        return
    words = ["whydiff", "explain", found.script]
    words += [word for text in cell.requirements for word in ("--b-with", text)]
    blocks: tuple[Block, ...] = (
        Text("Why the first of those differs:", "note"), Code(shlex.join(words), "shell"),
    )  # fmt: skip
    yield Section("next", "What to ask next", blocks, depth=SCREEN)
