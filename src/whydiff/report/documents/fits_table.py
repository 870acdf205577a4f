"""The fits of a script that has many, a line each, and how far apart they end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whydiff.core.words import count, number, pair
from whydiff.report.blocks import Table
from whydiff.report.document import SCREEN, Section

#: rows on a first screen; a search over settings has hundreds
MOST_ROWS = 30


def fits_of_script(rows: Sequence[Mapping[str, Any]]) -> Iterator[Section]:
    """Every fit with its final metric, those compared marked; nothing where no rows were kept."""
    if not rows:
        return
    metric = rows[0]["metric"]
    values = [float(row["value"]) for row in rows if row["value"] is not None]
    lead = f"{count(len(rows), 'fit')}."
    if values:
        least, most = pair(min(values), max(values))
        lead = (
            f"{count(len(rows), 'fit')} end with {metric} from {least} to {most}; "
            "--fits best,worst compares the two furthest apart."
        )
    shown = [row for i, row in enumerate(rows) if i < MOST_ROWS or row["side"]]
    left = len(rows) - len(shown)
    table = Table(
        ("", "Fit", "Line", "Model", metric),
        tuple(
            (row["side"], str(row["fit"]), str(row["line"] or "-"), row["model"],
             "-" if row["value"] is None else number(row["value"]))
            for row in shown
        ),
        numbers=frozenset({"Fit", "Line", metric}),
        legend="A and B mark the compared fits."
        + (f" {count(left, 'further fit')} in the JSON." if left else ""),
    )  # fmt: skip
    yield Section("fits", "The fits of the script", (table,), lead, SCREEN)
