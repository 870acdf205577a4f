"""A trap found in the text of a script."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """``line`` and ``column`` count from 1; ``what`` was found there, ``remedy`` helps."""

    file: str
    line: int
    column: int
    rule: str
    name: str
    what: str
    remedy: str
