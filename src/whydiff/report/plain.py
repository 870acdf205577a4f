"""Blocks as plain text: no colours, no lines drawn, one width, so that piped output is stable."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from whydiff.core.visible import without_steering
from whydiff.report.blocks import Block, Code, Facts, Table, Text

WIDTH = 100
_GAP = "  "


def clean(text: str) -> str:
    """Text without control characters: names come from scripts and must not steer a terminal."""
    return without_steering(text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4))


def plain_text(blocks: Iterable[Block], width: int = WIDTH) -> str:
    """All blocks, separated by blank lines."""
    parts = ("\n".join(_lines(block, width)) for block in blocks)
    return "\n\n".join(part for part in parts if part) + "\n"


def _lines(block: Block, width: int) -> Iterator[str]:
    if isinstance(block, Text):
        for line in clean(block.text).split("\n"):
            yield from textwrap.wrap(line, width) or [""]
    elif isinstance(block, Facts):
        yield from _facts(block, width)
    elif isinstance(block, Table):
        yield from _table(block, width)
    elif isinstance(block, Code):
        yield from (f"    {line}".rstrip() for line in clean(block.text).rstrip().split("\n"))


def _facts(block: Facts, width: int) -> Iterator[str]:
    names = [clean(name) for name, _ in block.rows]
    column = min(max(map(len, names), default=0), 30)
    for name, (_, value) in zip(names, block.rows, strict=True):
        indent = " " * (column + len(_GAP))
        lines = textwrap.wrap(clean(value), max(width - len(indent), 12)) or [""]
        yield f"{name:<{column}}{_GAP}{lines[0]}".rstrip()
        yield from (indent + line for line in lines[1:])


def stacked(block: Table, width: int) -> tuple[Facts, ...]:
    """The rows as facts, one below the other, where so narrow a screen has no room for columns.

    Empty where the columns fit.
    """
    rows = [[clean(cell) for cell in row] for row in (block.columns, *block.rows)]
    if sum(_widths(rows, width)) <= width - len(_GAP) * (len(block.columns) - 1):
        return ()
    return tuple(Facts(tuple(zip(block.columns, row, strict=True))) for row in block.rows)


def _table(block: Table, width: int) -> Iterator[str]:
    if block.title:
        yield from textwrap.wrap(clean(block.title), width)
    narrow = stacked(block, width)
    for number, facts in enumerate(narrow):
        yield from ([""] if number else [])
        yield from _facts(facts, width)
    if not narrow:
        yield from _columns(block, width)
    yield from textwrap.wrap(clean(block.legend), width)


def _columns(block: Table, width: int) -> Iterator[str]:
    rows = [[clean(cell) for cell in row] for row in (block.columns, *block.rows)]
    widths = _widths(rows, width)
    flush = [name in block.numbers for name in block.columns]
    for row in rows:
        cells = [textwrap.wrap(c, w) or [""] for c, w in zip(row, widths, strict=True)]
        for level in range(max(map(len, cells))):
            parts = [
                f"{c[level] if level < len(c) else '':{'>' if right else '<'}{w}}"
                for c, w, right in zip(cells, widths, flush, strict=True)
            ]
            yield _GAP.join(parts).rstrip()


def _widths(rows: list[list[str]], width: int) -> list[int]:
    """Natural widths; where that is too much the widest column gives way."""
    widths = [max(max(map(len, column)), 1) for column in zip(*rows, strict=True)]
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room:
        widest = widths.index(max(widths))
        if widths[widest] <= 12:
            break
        widths[widest] = max(12, widths[widest] - (sum(widths) - room))
    return widths
