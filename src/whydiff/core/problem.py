"""A trap found in the text of a script."""

from __future__ import annotations

from dataclasses import dataclass


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
