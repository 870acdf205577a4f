"""The evidence of an explanation, for --verbose: whatever was kept, as tables and facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whydiff.core.words import number
from whydiff.report.blocks import Block, Facts, Table, Text

#: rows of one table before the rest is only counted
MOST_ROWS = 200
#: what is to be looked at, not read: the page of --html draws it
DRAWN = frozenset(
    ("trace", "order", "epochs", "disagreements", "settings", "environment", "command")
)


def evidence_blocks(evidence: Mapping[str, Any]) -> Iterator[Block]:
    """One block per entry: a list of mappings becomes a table, a mapping facts.

    What only a page can show is left to it.
    """
    for name, value in evidence.items():
        if name in DRAWN:
            continue
        title = name.replace("_", " ").capitalize()
        if isinstance(value, Mapping):
            yield Text(title)
            yield Facts(tuple((str(k), plain(v)) for k, v in value.items()))
        elif _is_table(value):
            yield _table(title, value)
        elif isinstance(value, list | tuple):
            yield Facts(((title, ", ".join(plain(v) for v in value)),))
        else:
            yield Facts(((title, plain(value)),))


def plain(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {plain(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(v) for v in value)
    return number(value)


def _is_table(value: Any) -> bool:
    rows = isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0
    return rows and all(isinstance(row, Mapping) for row in value)


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = tuple(dict.fromkeys(str(k) for row in rows for k in row))
    numeric = frozenset(
        c for c in columns if all(isinstance(row.get(c), int | float | None) for row in rows)
    )
    shown = tuple(tuple(plain(row.get(c)) for c in columns) for row in rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        title += f" (first {MOST_ROWS} of {len(rows)})"
    return Table(columns, shown, title, numeric)
