"""Blocks on a stream: with rich on a terminal, as plain text anywhere else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from typing import Any, TextIO

from whydiff.report.blocks import Block, Code, Facts, Table, Text
from whydiff.report.documents import document_of
from whydiff.report.plain import WIDTH, clean, plain_text, stacked
from whydiff.report.screen import screen_blocks

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
