"""Blocks on a stream: with rich on a terminal, as plain text anywhere else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, TextIO

from whydiff.report.blocks import Block, Code, Facts, Table, Text
from whydiff.report.documents import document_of
from whydiff.report.plain import clean, plain_text
from whydiff.report.screen import screen_blocks

_STYLES = {"verdict": "bold", "warning": "yellow", "note": "dim", "": ""}


def print_answer(answer: Any, stream: TextIO, *, verbose: bool = False) -> None:
    """An answer of any verb; ``verbose`` adds all evidence."""
    write(screen_blocks(document_of(answer), verbose), stream)


def write(blocks: Iterable[Block], stream: TextIO) -> None:
    """Render blocks; what the stream's encoding lacks is replaced, never an error."""
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        _write_rich(blocks, stream)
        return
    text = plain_text(blocks)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()


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
            console.print(_grid(block))


def _grid(block: Facts | Table) -> Any:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text as RichText

    if isinstance(block, Facts):
        grid = RichTable.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column()
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
