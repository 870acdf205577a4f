"""What is said of the time that long work still takes."""

import pytest

from whydiff.report.progress import Pace


def left(times, total, chunk=1):
    """The estimates after each part; ``times`` are those at which parts were done, from 0."""
    pace, said = Pace(total, 0.0), []
    assert pace.seconds_left(1.0) is None
    for now in times:
        pace.advance(chunk, now)
        said.append(pace.seconds_left(now))
    return said


def test_even_parts_are_estimated_exactly():
    assert left([2, 4, 6, 8], 4) == [6, 4, 2, 0]
    assert left([2, 4], 8, chunk=4) == [2, 0]


def test_what_the_first_part_compiles_counts_only_until_others_are_done():
    first, *others = left([30, 31, 32, 33, 34], 5)
    assert first == 120  # nothing else is known
    assert others == [3, 2, 1, 0]


@pytest.mark.parametrize("total", [3, 2])
def test_more_parts_than_planned_leave_no_time(total):
    assert left([1, 2, 3, 4], total)[-1] == 0
