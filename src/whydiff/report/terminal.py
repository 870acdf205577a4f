"""Blocks on a stream: with rich on a terminal, as plain text anywhere else.

Plain text has no colours, no lines drawn and one width, so that piped output is stable.
"""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, TextIO

from whydiff.core.visible import without_steering
from whydiff.report.document import (
    SCREEN,
    VERBOSE,
    Block,
    Brief,
    Chart,
    Code,
    Document,
    Facts,
    Fold,
    Section,
    Table,
    Text,
)
from whydiff.report.documents import document_of

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


def screen_blocks(document: Document, verbose: bool = False) -> Iterator[Block]:
    """The verdict, the facts, the sections of the first screen; ``verbose`` adds deeper ones.

    A chart becomes its sketch, or else its table with the caption as legend; a picture has no
    place here.
    """
    yield Text(document.verdict, "verdict")
    if document.facts:
        yield Facts(document.facts)
    for section in document.sections:
        if section.depth <= (VERBOSE if verbose else SCREEN):
            yield from _heading(section)
            yield from _flat(section.blocks, verbose)
    if document.more and not verbose:
        yield Text(document.more, "note")


def _heading(section: Section) -> Iterator[Block]:
    if section.announced:
        yield Text(f"{section.title}: {section.lead}" if section.lead else section.title)
    elif section.depth == VERBOSE:
        yield Text(section.title)


def _flat(blocks: Iterable[Block], verbose: bool) -> Iterator[Text | Facts | Table | Code]:
    for block in blocks:
        if isinstance(block, Brief):
            yield from _flat(block.full if verbose else block.brief, verbose)
        elif isinstance(block, Fold):
            if verbose:
                yield from _flat(block.blocks, verbose)
        elif isinstance(block, Chart) and block.sketch is not None:
            yield block.sketch
        elif isinstance(block, Chart):
            legend = block.table.legend or block.caption
            yield replace(block.table, title=block.table.title or block.title, legend=legend)
        elif isinstance(block, Text | Facts | Table | Code):
            yield block


#: how signs of ours are written where there is ASCII only
_ASCII = str.maketrans({"≠": "!=", "…": "...", "→": "->", "×": "x", "±": "+-", "–": "-", "—": "-"})
_STYLES = {"verdict": "bold", "warning": "yellow", "note": "dim", "": ""}


def print_answer(answer: Any, stream: TextIO, *, verbose: bool = False) -> None:
    """An answer of any verb; ``verbose`` adds all evidence."""
    write(screen_blocks(document_of(answer), verbose), stream)


def write(blocks: Iterable[Block], stream: TextIO) -> None:
    """Render blocks; what the stream's encoding lacks is written otherwise, never an error.

    A terminal gets colours unless NO_COLOR is set, and lines as wide as it is.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    is_terminal = stream.isatty()
    if is_terminal and os.environ.get("TERM") != "dumb" and _has_unicode(encoding):
        _write_rich(blocks, stream)
        return
    width = min(WIDTH, shutil.get_terminal_size().columns) if is_terminal else WIDTH
    stream.write(encodable(plain_text(blocks, width), encoding))
    stream.flush()


def encodable(text: str, encoding: str) -> str:
    """The text with what an encoding lacks spelled in ASCII, and else replaced."""
    if not _has_unicode(encoding):
        text = text.translate(_ASCII)
    return text.encode(encoding, "replace").decode(encoding)


def _has_unicode(encoding: str) -> bool:
    try:
        "".join(map(chr, _ASCII)).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _write_rich(blocks: Iterable[Block], stream: TextIO) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.syntax import Syntax
    from rich.text import Text as RichText

    # Names come from scripts: nothing in them may be read as markup.
    console = Console(file=stream, markup=False, highlight=False, emoji=False)
    if console.width > 120:
        console.width = 120
    for number, block in enumerate(blocks):
        if number:
            console.print()
        if isinstance(block, Text):
            console.print(RichText(clean(block.text), style=_STYLES.get(block.style, "")))
        elif isinstance(block, Code):
            code = Syntax(
                clean(block.text).rstrip(),
                block.language or "text",
                theme="ansi_dark",
                background_color="default",
                word_wrap=True,
            )
            console.print(Padding(code, (0, 0, 0, 2)))
        elif isinstance(block, Facts | Table):
            _print_grid(block, console)


def _print_grid(block: Facts | Table, console: Any) -> None:
    from rich.text import Text as RichText

    narrow = stacked(block, console.width) if isinstance(block, Table) else ()
    if not narrow:
        console.print(_grid(block, console.width))
    elif isinstance(block, Table) and block.title:
        console.print(RichText(clean(block.title), style="italic"))
    for number, facts in enumerate(narrow):
        if number:
            console.print()
        console.print(_grid(facts, console.width))
    if isinstance(block, Table) and block.legend:
        console.print(RichText(clean(block.legend), style="dim"))


def _grid(block: Facts | Table, width: int) -> Any:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text as RichText

    if isinstance(block, Facts):
        grid = RichTable.grid(padding=(0, 2))
        # On a narrow terminal long names and paths go on in the next line: nothing is cut off.
        widest = max((len(name) for name, _ in block.rows), default=0)
        grid.add_column(
            style="dim", overflow="fold", no_wrap=widest <= width // 2, max_width=width // 2
        )
        grid.add_column(overflow="fold")
    else:
        title = clean(block.title) or None
        grid = RichTable(
            box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, show_edge=False
        )
        for name in block.columns:
            right = name in block.numbers
            grid.add_column(
                clean(name), justify="right" if right else "left", no_wrap=right, overflow="fold"
            )
    for row in block.rows:
        grid.add_row(*(RichText(clean(cell)) for cell in row))
    return grid
