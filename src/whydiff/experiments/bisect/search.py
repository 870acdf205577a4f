"""Which point to ask about next, and what the answers say: plain data, nothing runs here.

Points are numbered in their order; point 0 is the good one. What is asked of a point is whether
it differs from the good one. Of n points at most ceil(log2 n) are asked about where all can be
answered: that tells which of them is the first to differ, or that none does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SAME, DIFFERS, SKIPPED = "same", "differs", "skipped"


@dataclass(frozen=True)
class Place:
    """Where the result changed: after ``before``, at ``first``; ``first`` is None if nowhere.

    ``between`` are points between these two that could not be compared: the change may be in any
    of them. ``again`` are points after ``first`` that do not differ, so that the result changed
    back. ``open``: no point was seen to differ, but the last one could not be compared.
    """

    before: int
    first: int | None
    between: tuple[int, ...] = ()
    again: tuple[int, ...] = ()
    open: bool = False


def next_point(count: int, answers: Mapping[int, str]) -> int | None:
    """The point to ask about next, None where the answers say all that can be said.

    ``answers`` holds SAME, DIFFERS or SKIPPED by the number of a point. It is the middle one of
    those that are left, so that a point that is skipped costs no more than its own question.
    """
    low, high = _around(count, answers)
    unknown = [point for point in range(low + 1, high) if point not in answers]
    return unknown[(len(unknown) - 1) // 2] if unknown else None


def place(count: int, answers: Mapping[int, str]) -> Place:
    """What the answers say once there is nothing more to ask."""
    low, high = _around(count, answers)
    between = tuple(p for p in range(low + 1, high) if answers.get(p) == SKIPPED)
    if high == count:
        return Place(low, None, between, open=bool(between))
    again = tuple(sorted(p for p, said in answers.items() if said == SAME and p > high))
    return Place(low, high, between, again)


def _around(count: int, answers: Mapping[int, str]) -> tuple[int, int]:
    """The last point known to be the same before the first known to differ; these two.

    ``count`` stands for a point behind the last one, which differs by definition.
    """
    high = min((p for p, said in answers.items() if said == DIFFERS), default=count)
    low = max((p for p, said in answers.items() if said == SAME and p < high), default=0)
    return low, high
