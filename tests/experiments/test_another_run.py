"""Two runs that end alike by chance: the script runs again, on plain stand-ins for its runs."""

import contextlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.progress import Silent
from whydiff.core.question import Question, SideOptions
from whydiff.experiments.explain import inquiry
from whydiff.experiments.explain.inquiry import Inquiry

ALIKE = Question(("train.py",))


class Ran:
    """A run that ended ``how`` beside A: "met", "elsewhere" or "identical"."""

    execution = None

    def __init__(self, how):
        self.how, self.closed = how, False

    def __enter__(self):
        return self

    def __exit__(self, *failed):
        self.close()

    def close(self):
        self.closed = True


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """B's run, those that are made after it, and the question whose B they may be."""

    def asked(*ends, question=ALIKE, copies=True, late=False, draws=()):
        made = [Ran(how) for how in ends]
        waiting = iter(made[1:])
        monkeypatch.setattr(inquiry, "run_script", lambda *given: next(waiting))
        monkeypatch.setattr(inquiry, "lines_that_draw", lambda scripts, sides: draws)
        monkeypatch.setattr(inquiry, "two_runs", lambda a, b, wanted, folder: sides(b))
        monkeypatch.setattr(Inquiry, "_numbers", lambda self, of_b: None)
        runs = SimpleNamespace(
            place=SimpleNamespace(folders=(Path(),) if copies else ()),
            no_time_for=lambda what: late,
        )
        a = SimpleNamespace(run=SimpleNamespace(script=Path("train.py")), execution=None)
        one = Inquiry(question, runs, None, a, None, tmp_path, Silent(),
                      contextlib.ExitStack())  # fmt: skip
        one.ran_b, one.fits_of_one_run = made[0], None
        return one, made

    return asked


def sides(ran):
    found = SimpleNamespace(
        identical=ran.how == "identical",
        meets_by_chance=ran.how == "met",
        differing=() if ran.how == "identical" else ("data-order",),
        a=None,
        b=None,
        ran=ran,
    )
    return SimpleNamespace(compared=found)


@pytest.mark.parametrize("ends", [("met", "elsewhere"), ("met", "identical", "elsewhere")])
def test_the_first_run_that_ends_elsewhere_is_b(asked, ends):
    one, made = asked(*ends)
    assert one.fits_of_two_runs.compared.ran is one.ran_b is made[-1]
    assert [ran.closed for ran in made] == [True] * (len(made) - 1) + [False]
    assert "The first two runs ended alike although they differ (data-order)" in one.notes[0]
    one.processes.close()
    assert made[-1].closed


def test_where_all_end_alike_the_first_stays_b_and_the_answer_says_so(asked):
    one, made = asked("met", "met", "met", "elsewhere")
    assert one.fits_of_two_runs.compared.ran is one.ran_b is made[0]
    assert [ran.closed for ran in made] == [False, True, True, False]
    assert one.notes[0].startswith("4 runs ended alike although they differ (data-order)")


@pytest.mark.parametrize(
    ("last", "said"), [("elsewhere", "The first two"), ("identical", "4 runs")]
)
def test_equal_runs_of_a_script_that_draws_without_a_seed_may_be_chance(asked, last, said):
    draws = ["train.py:4: default_rng() has no seed"]
    one, _ = asked("identical", "identical", last, draws=draws)
    found = one.fits_of_two_runs.compared
    assert found.identical is (last == "identical")
    (note,) = one.notes
    assert note.startswith(f"{said}") and draws[0] in note


def test_what_two_runs_tell_stands_where_a_third_fails(asked, monkeypatch):
    one, made = asked("met", "elsewhere")

    def fails(*given):
        raise WhydiffError("train.py failed")

    monkeypatch.setattr(inquiry, "run_script", fails)
    assert one.fits_of_two_runs.compared.ran is one.ran_b is made[0]
    assert one.notes[0].startswith("2 runs ended alike")


@pytest.mark.parametrize(
    ("ends", "how"),
    [
        ("elsewhere", {}),
        ("identical", {}),
        ("met", {"question": Question(("train.py",), b=SideOptions(env={"X": "1"}))}),
        ("met", {"copies": False}),  # in place the next run finds what the last one left
        ("met", {"late": True}),
    ],
)
def test_nothing_runs_again_where_that_would_tell_nothing(asked, ends, how):
    one, made = asked(ends, "elsewhere", **how)
    assert one.fits_of_two_runs.compared.ran is made[0]
    assert not made[1].closed and len(one.notes) == ("late" in how)
