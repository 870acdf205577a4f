"""A number with its doubt: no statistic without n and an interval."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    ``n`` counts the independent replicates behind it (runs, pairs or blocks; never epochs or
    examples); ``left_out`` those that had to be left out because their number was not finite.
    ``note`` says in plain words what is unusual, "" if nothing is. NaN where nothing can be
    said; an interval that is not bounded ends in an infinity.
    """

    value: float
    low: float
    high: float
    n: int
    confidence: float = 0.95
    left_out: int = 0
    note: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a value and a bounded interval."""
        return all(math.isfinite(x) for x in (self.value, self.low, self.high))

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, as the fields are named."""
        return asdict(self)


def unknown(n: int, note: str, confidence: float = 0.95, left_out: int = 0) -> Estimate:
    """Nothing can be said, and why."""
    return Estimate(math.nan, math.nan, math.nan, n, confidence, left_out, note)
