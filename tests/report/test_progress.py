"""What is said of the time that long work still takes."""

import io
import itertools
from types import SimpleNamespace

import pytest

from whydiff.report import progress as reporting
from whydiff.report.progress import Pace, Progress


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


def test_epochs_of_the_next_part_count_as_its_share():
    pace = Pace(4, 0.0)
    pace.within(0.25, 11.0)  # the first of four epochs also compiled
    assert pace.seconds_left(11.0) is None
    pace.within(0.5, 12.0)
    assert pace.seconds_left(12.0) == 14.0
    pace.within(1.0, 14.0)
    pace.advance(1, 14.0)
    assert pace.seconds_left(14.0) == 12.0
    pace.within(0.25, 15.0)
    assert pace.seconds_left(15.0) == pytest.approx(11.0)
    assert pace.seconds_left(16.0) == pytest.approx(10.0), "time goes on between two of them"


def test_what_comes_before_the_first_report_of_a_part_counts_for_those_to_come():
    """Each part builds for 10 s, then reports ten shares, a second each."""
    pace = Pace(3, 0.0)
    for part in (0, 20, 40):
        for second in range(1, 11):
            pace.within(second / 10, part + 10.0 + second, again=True)
            left = pace.seconds_left(part + 10.0 + second)
            if second > 1:
                assert left == pytest.approx(10 - second + 40 - part)
        pace.advance(1, part + 20.0)
        if part:
            assert pace.seconds_left(part + 20.0) == pytest.approx(40.0 - part)


@pytest.mark.parametrize("known", [2, 1])
def test_trainings_of_one_part_share_it(known):
    """Each pair trains A for 10 s, then B: a second for each report."""
    pace = Pace(3, 0.0, trainings=known)
    for second in range(1, 61):
        pace.within(((second - 1) % 10 + 1) / 10, float(second))
        if second % 20 == 0:
            pace.advance(1, float(second))
        if second > (1 if known == 2 else 10):  # B begins: a pair is two trainings
            assert pace.seconds_left(float(second)) == pytest.approx(60 - second)


def test_a_step_that_compiles_once_more_is_no_pace():
    pace = Pace(1, 0.0)
    for step, now in enumerate([1, 2, 3, 4, 64, 65], 1):
        pace.within(step / 10, float(now), again=True)
    assert pace.seconds_left(65.0) == pytest.approx(5.6), "the slow one counts as three"


def test_runs_left_epochs_and_an_estimate_are_said(monkeypatch):
    clock = SimpleNamespace(monotonic=itertools.count(0, 10).__next__)
    monkeypatch.setattr(reporting, "time", clock)
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.step("training A again", total=1)
        progress.epochs(1, 2)
        progress.epochs(2, 2)
        progress.step("training hybrids", total=3)
        progress.epochs(1, 2)
        progress.advance()
        progress.epochs(2, 2)
        progress.step("running train.py")
        progress.epochs(1, 2)
    assert [line.removeprefix("whydiff: ") for line in stream.getvalue().splitlines()] == [
        "training A again",
        "training A again (epoch 1 of 2)",
        "training A again (epoch 2 of 2, less than 1 s left)",
        "training hybrids (0 of 3)",
        "training hybrids (0 of 3, epoch 1 of 2 of the next)",
        "training hybrids (1 of 3, about 40 s left)",
        "training hybrids (1 of 3, epoch 2 of 2 of the next, about 10 s left)",
        "running train.py",
        "running train.py (epoch 1 of 2)",
    ]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("columns", [40, 100])
def test_progress_takes_one_line_however_narrow_the_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    clock = SimpleNamespace(monotonic=itertools.count(0, 10).__next__)
    monkeypatch.setattr(reporting, "time", clock)
    stream = Terminal()
    with Progress(stream) as progress:
        progress.step("training A again from its own fields", total=3)
        progress.advance()
        progress.advance()
    written = stream.getvalue()
    assert "2/3" in written and " left" in written and written.count("\n") == 1
