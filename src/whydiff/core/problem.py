"""A trap found in the text of a script."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from whydiff.core.notebook import Shown


@dataclass(frozen=True)
class Problem:
    """``line`` and ``column`` count from 1; ``what`` was found there, ``remedy`` helps.

    In a notebook ``cell`` counts from 1 and lines count within it; it is 0 in a script.
    """

    file: str
    line: int
    column: int
    rule: str
    name: str
    what: str
    remedy: str
    cell: int = 0

    @property
    def sentences(self) -> str:
        """What was found and the remedy, to be read in one go."""
        return f"{self.what[:1].upper()}{self.what[1:].rstrip('.')}. {self.remedy}"


@dataclass(frozen=True)
class Checked(Shown):
    """The answer of ``check``: what was found in how many files; ``unread`` are (file, why)."""

    scripts: int
    problems: tuple[Problem, ...]
    unread: tuple[tuple[str, str], ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row per trap."""
        return [asdict(problem) for problem in self.problems]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "schema": 1,
            "scripts": self.scripts,
            "findings": [asdict(problem) for problem in self.problems],
            "unread": [{"file": file, "why": why} for file, why in self.unread],
        }
