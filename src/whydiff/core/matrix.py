"""The answer of ``matrix``: what one script ends in under many sets of packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from whydiff.core.notebook import Shown
from whydiff.core.outcome import Outcome

#: what is grouped by equal digests: column -> what a person calls it
COLUMNS: Mapping[str, str] = {
    "initial": "Initial weights",
    "first": "First loss",
    "final": "Final weights",
    "metric": "Metric",
}
#: how a set's result relates to that of the reference
EQUAL, ROUNDING, DIFFERENT, UNDECIDED, FAILED = (
    "equal", "rounding", "different", "undecided", "failed",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One set. ``requirements`` are those asked for, none for the packages as they are installed.

    ``moved`` says which packages have another version than installed here. ``level`` relates the
    result to that of the reference; ``why`` says it in words, or why there is no result.
    """

    name: str
    requirements: tuple[str, ...]
    level: str
    why: str
    moved: str = ""
    outcome: Outcome = field(default_factory=Outcome)
    seconds: float = 0.0


@dataclass(frozen=True)
class Matrix(Shown):
    """One script under many sets of packages; the first that ran is the reference."""

    question: str
    script: str
    cells: tuple[Cell, ...]
    reference: str = ""  # name of the set that others are held against
    metric: str = ""  # the metric that is grouped by
    runs: int = 0  # sets that were run for this answer
    notes: tuple[str, ...] = ()
    command: str = ""
    search: str = ""  # equal for equal questions: what was found can be used again

    def groups(self, column: str) -> dict[str, str]:
        """The letter of each set's group: equal letters mean equal bits, "-" that there is none."""
        letters: dict[str, str] = {}
        found = {}
        for cell in self.cells:
            value = self.value(cell, column)
            if value:
                letters.setdefault(value, _letter(len(letters)))
            found[cell.name] = letters.get(value, "-")
        return found

    def value(self, cell: Cell, column: str) -> str:
        """What is grouped: a digest, or the metric with all its digits; "" where there is none."""
        if column != "metric":
            return str(getattr(cell.outcome, column))
        metrics = cell.outcome.metrics()
        return repr(metrics[self.metric]) if self.metric in metrics else ""

    def rows(self) -> list[dict[str, Any]]:
        """One row per set of packages, with its group by each column."""
        groups = {column: self.groups(column) for column in COLUMNS}
        return [
            {
                "set": cell.name,
                "level": cell.level,
                "why": cell.why,
                "moved": cell.moved,
                **{column: groups[column][cell.name] for column in COLUMNS},
                **cell.outcome.metrics(),
            }
            for cell in self.cells
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: additions are allowed, names are fixed."""
        groups = {column: self.groups(column) for column in COLUMNS}
        cells = [
            {**asdict(cell), "groups": {column: groups[column][cell.name] for column in COLUMNS}}
            for cell in self.cells
        ]
        return {"schema": 1, **{k: v for k, v in asdict(self).items() if k != "cells"},
                "cells": cells}  # fmt: skip


def _letter(number: int) -> str:
    """A, B, ... Z, A1, B1, ..."""
    return chr(ord("A") + number % 26) + (str(number // 26) if number >= 26 else "")
