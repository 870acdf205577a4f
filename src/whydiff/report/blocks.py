"""What a report consists of, as plain data: tests assert these, renderers only walk them."""

from __future__ import annotations

from dataclasses import dataclass


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
    """Rows under column heads. Columns named in ``numbers`` are set flush right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Code:
    """Text that keeps its line breaks. ``language`` is "diff", "python", "shell" or ""."""

    text: str
    language: str = ""


Block = Text | Facts | Table | Code
