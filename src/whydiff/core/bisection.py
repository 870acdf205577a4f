"""The answer of ``bisect``: between which two points a result changed, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from whydiff.core.findings import Explanation
from whydiff.core.notebook import Shown

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
        return {
            "schema": 1,
            **{k: v for k, v in asdict(self).items() if k != "explanation"},
            "explanation": self.explanation and self.explanation.to_dict(),
        }
