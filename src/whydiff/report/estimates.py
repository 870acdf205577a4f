"""Estimates in words: never a value without its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from whydiff.core.estimate import Estimate
from whydiff.core.study import Gate
from whydiff.core.words import number
from whydiff.report.document import Brief, Facts, Table, Text

Write = Callable[[Any], str]
_HOLDS = {True: "yes", False: "NO", None: "not checked"}


def between(estimate: Estimate, write: Write = number) -> str:
    """``0.876 (0.874 to 0.879)``; without a bounded interval it says that there is none."""
    if not math.isfinite(estimate.value):
        return "unknown"
    if not estimate.known:
        return f"{write(estimate.value)} (no interval: {estimate.note or 'too few runs'})"
    return f"{write(estimate.value)} ({bounds_only(estimate, write)})"


def bounds(estimate: Estimate, write: Write = number) -> str:
    """``61 % (48 to 77 %)``, short enough for a cell of a table."""
    if not math.isfinite(estimate.value):
        return "-"
    if estimate.low == estimate.high == estimate.value:
        return write(estimate.value)
    if not math.isfinite(estimate.low) and not math.isfinite(estimate.high):
        return f"{write(estimate.value)} (no interval)"
    return f"{write(estimate.value)} ({bounds_only(estimate, write)})"


def bounds_only(estimate: Estimate, write: Write = number) -> str:
    """``0.874 to 0.879``; ``0.874 or more`` and ``0.879 or less`` where one end is unbounded."""
    if not math.isfinite(estimate.high):
        return f"{write(estimate.low)} or more"
    if not math.isfinite(estimate.low):
        return f"{write(estimate.high)} or less"
    return f"{write(estimate.low).removesuffix(' %')} to {write(estimate.high)}"


def ends(estimate: Estimate) -> tuple[float | None, float | None]:
    """The ends of the interval to be drawn, None where it has none."""
    return (estimate.low, estimate.high) if estimate.known else (None, None)


def believed(gates: Sequence[Gate], rates: Facts, *more: Text) -> Brief:
    """What was checked before any number: the names of what holds, in full with evidence."""
    good = [gate.name for gate in gates if gate.passed]
    rows = tuple((gate.name, _HOLDS[gate.passed], gate.evidence) for gate in gates)
    table = (Table(("Before any number", "Holds", "Evidence"), rows),) if rows else ()
    brief = (Text(f"Checked: {'; '.join(good)}.", "note"),) if good else ()
    return Brief(brief, (*table, rates, *more))


def signed(estimate: Estimate) -> str:
    """``+0.012 (+0.003 to +0.021)``."""
    return bounds(estimate, lambda value: f"{value:+.3g}")


def ordinal(n: int) -> str:
    """``1st``, ``2nd``, ``62nd``, ``11th``."""
    if 10 <= n % 100 <= 20:
        return f"{n}th"
    return f"{n}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th') }"
