"""What the files of two saved models hold: settings that differ, weights layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whydiff.core.words import count, number
from whydiff.report.blocks import Brief, Table
from whydiff.report.document import SCREEN, VERBOSE, Section

#: rows of a table on the first screen
MOST_ROWS = 8
_TITLES = {
    "saved settings": "Settings that differ",
    "saved compile settings": "Settings of compile that differ",
}


def saved_files(evidence: Mapping[str, Any]) -> Iterator[Section]:
    """Sections on the two files; none where no files were compared."""
    for name, title in _TITLES.items():
        rows = [(r["setting"], r["a"], r["b"]) for r in evidence.get(name) or ()]
        brief, full = (Table(("Setting", "A", "B"), tuple(r)) for r in (rows[:MOST_ROWS], rows))
        more = len(rows) - MOST_ROWS
        lead = f"{count(more, 'further setting')} with --verbose." if more > 0 else ""
        depth = SCREEN if name == "saved settings" else VERBOSE
        if rows:
            yield Section(name.replace(" ", "-"), title, (Brief((brief,), (full,)),), lead, depth)
    weights = evidence.get("saved weights") or ()
    different = [w for w in weights if w["relative"] != 0.0]
    if different:
        lead = f"{len(different)} of {count(len(weights), 'weight tensor')} differ."
        block = Brief((_weights(different[:MOST_ROWS]),), (_weights(weights),))
        yield Section("saved-weights", "Weights, layer by layer", (block,), lead, SCREEN)


def _weights(rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        ("Weight", "In A", "In B", "Relative difference"),
        tuple((r["weight"], r["a"], r["b"], _size(r["relative"])) for r in rows),
        numbers=frozenset({"Relative difference"}),
        legend="Relative difference: norm of B - A over the larger norm of both; 0 only where all "
        "bits are equal.",
    )


def _size(relative: float | None) -> str:
    return "-" if relative is None else number(relative)
