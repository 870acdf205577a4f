"""What a report consists of, as plain data: tests assert these, renderers only walk them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Text:
    """A paragraph. ``style`` is "verdict", "warning", "note" (less important) or ""."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Facts:
    """Names with their values, one per line; long values are wrapped beside the name."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Rows under column heads. Columns named in ``numbers`` are set flush right.

    ``marked`` holds the indices of rows in which A and B differ; ``legend`` is a line below the
    table that says what its measures mean.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    numbers: frozenset[str] = frozenset()
    marked: frozenset[int] = frozenset()
    legend: str = ""


@dataclass(frozen=True)
class Code:
    """Text that keeps its line breaks. ``language`` is "diff", "python", "shell" or ""."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture of numbers, for pages. ``spec`` makes Vega-Lite, which may name the page's colours;
    only what draws calls it.

    ``alt`` says in words what is to be seen, for those who cannot see it; ``table`` holds the
    numbers themselves. A terminal shows ``sketch``, and where there is none the table.
    """

    title: str
    spec: Callable[[], Mapping[str, Any]]
    alt: str
    table: Table
    caption: str = ""
    sketch: Code | Table | None = None


@dataclass(frozen=True)
class Picture:
    """One image as PNG, with what is written below it and what it is for those who cannot see."""

    png: bytes
    caption: str
    alt: str


@dataclass(frozen=True)
class Gallery:
    """Images beside each other, for pages."""

    title: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Fold:
    """Blocks behind a line that opens them; a terminal shows them with ``--verbose``."""

    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Brief:
    """Blocks that a first screen has room for, in place of the full ones; either may be none."""

    brief: tuple[Block, ...]
    full: tuple[Block, ...]


Block = Text | Facts | Table | Code | Chart | Gallery | Fold | Brief
