"""The answers of ``matrix`` and ``bisect``: what one script ends in at many points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from whydiff.core.findings import Explanation, with_explanation
from whydiff.core.metrics import default_metric
from whydiff.core.notebook import Shown


@dataclass(frozen=True)
class Outcome:
    """Digests are equal for equal bits, whatever the variables are called; "" where there is none.

    ``initial`` and ``final`` are of the weights before and after every fit, ``first`` of the loss
    of the first step of every fit, ``measured`` one per call that measures. ``logs`` holds what
    the last epoch of every fit logged, ``values`` what the last call that measures gave.
    """

    initial: str = ""
    first: str = ""
    final: str = ""
    measured: tuple[str, ...] = ()
    logs: tuple[Mapping[str, float], ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)

    def metrics(self) -> Mapping[str, float]:
        """The numbers that a person looks at: of the last fit, else of the last call."""
        return (self.logs[-1] if self.logs else {}) or self.values

    def metric(self, wanted: str | None = None) -> tuple[str, float] | None:
        """Name and value of the metric to tell this result in; None where nothing was measured."""
        metrics = self.metrics()
        if not metrics:
            return None
        name = default_metric(list(metrics), wanted if wanted in metrics else None)
        return name, metrics[name]


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


REVISIONS, VERSIONS, DATES = "revisions", "versions", "dates"

#: verdicts: the change was found; good and bad end alike; it could not be told; the script does
#: not end in the same twice
FOUND, UNCHANGED, OPEN, UNREPEATABLE = "found", "unchanged", "open", "unrepeatable"


@dataclass(frozen=True)
class Point:
    """One revision, version or date. ``about`` is a commit's subject; "" for others."""

    name: str
    about: str = ""

    def text(self) -> str:
        """``1f0c9d2a3b (Train longer)``, ``keras==3.10.0``."""
        return f"{self.name} ({self.about})" if self.about else self.name


@dataclass(frozen=True)
class Tried:
    """What was found at a point: ``state`` is "same", "differs" or "skipped", ``why`` in words.

    ``metric`` is the number that a person looks at with its ``value``, where there is one.
    """

    number: int  # of the point
    state: str
    why: str
    metric: str = ""
    value: float | None = None
    logs: tuple[Mapping[str, float], ...] = ()  # of the last epoch of every fit
    final: str = ""  # digest of the weights that it ended with


@dataclass(frozen=True)
class Bisection(Shown):
    """Where a result changed between ``points[0]``, the good one, and the last, the bad one.

    ``before`` and ``first`` are numbers of points: the last that ends as the good one does, and
    the first that differs. ``between`` are points between them that could not be compared.
    """

    question: str
    script: str
    over: str
    verdict: str
    points: tuple[Point, ...]
    tried: tuple[Tried, ...] = ()  # in the order in which they were asked about
    before: int | None = None
    first: int | None = None
    between: tuple[int, ...] = ()
    runs: int = 0  # points that were run for this answer; the explanation runs two again
    changed: tuple[str, ...] = ()  # files of the commit, packages of the set that differ
    notes: tuple[str, ...] = ()
    command: str = ""
    explanation: Explanation | None = None
    rule: str = ""  # how a difference was judged, in words
    search: str = ""  # equal for equal questions: what was found at the points can be used again

    def point(self, number: int | None) -> Point:
        """A point by its number; one without a name for None."""
        return Point("") if number is None else self.points[number]

    def rows(self) -> list[dict[str, Any]]:
        """One row per point that was tried."""
        return [
            {
                "point": self.points[tried.number].text(),
                "state": tried.state,
                "why": tried.why,
                "metric": tried.metric,
                "value": tried.value,
            }
            for tried in self.tried
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: additions are allowed, names are fixed."""
        return with_explanation(self, self.explanation)
