"""Where in the user's code something was done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """One line of the user's code on a call stack (outermost first in a stack)."""

    file: str
    line: int
    function: str
    text: str = ""
