"""Which sets are run, and what their results say together: plain data."""

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.progress import Silent
from whydiff.core.question import SideOptions
from whydiff.core.searches import COLUMNS, DIFFERENT, EQUAL, FAILED, ROUNDING, Cell, Matrix, Outcome
from whydiff.experiments.matrix import PackageSet, Sets, sets_of
from whydiff.report.documents.matrix import document, verdict
from whydiff.runner.running import Runs
from whydiff.storage.answers import keep, kept


def newest(name, count):
    return {"keras": ["3.13.1", "3.14.1"], "jax": ["0.9", "0.10"]}[name]


def names(named=(), over=()):
    return [one.name for one in sets_of(named, over, newest)]


def test_what_is_installed_comes_first_and_nothing_comes_twice():
    assert names(["keras==3.8,jax==0.4.38", "keras==3.8, jax==0.4.38"]) == [
        "as installed", "keras==3.8, jax==0.4.38",
    ]  # fmt: skip
    assert PackageSet().name == "as installed"


def test_packages_gone_over_are_combined():
    assert names(over=["keras", "jax==0.8"])[1:] == [
        "keras==3.13.1, jax==0.8", "keras==3.14.1, jax==0.8",
    ]  # fmt: skip
    assert len(names(over=["keras", "jax"])) == 5
    assert names(over=["keras==3.8, 3.10"])[1:] == ["keras==3.8", "keras==3.10"]


@pytest.mark.parametrize(
    ("named", "over", "said"), [([" , "], [], "names no package"), ([], ["=3.8"], "no package")]
)
def test_what_names_no_package_is_refused(named, over, said):
    with pytest.raises(WhydiffError, match=said):
        names(named, over)


def test_sets_for_which_there_is_no_time_say_so(tmp_path):
    runs = Runs(seconds=0.0)
    (cell,) = Sets("train.py", SideOptions(), runs, tmp_path, Silent()).cells(
        [PackageSet()], {}, lambda cell: None
    )
    assert (cell.level, cell.why) == (FAILED, "not run, as the time of --budget was over")


def outcome(initial, final, loss):
    return Outcome(initial, "f", final, (), ({"loss": loss, "accuracy": 0.5},))


CELLS = (
    Cell("as installed", (), EQUAL, "the reference", "", outcome("i", "w", 0.25)),
    Cell("keras==3.14.1", ("keras==3.14.1",), EQUAL, "equal", "", outcome("i", "w", 0.25)),
    Cell("keras==3.13.1", ("keras==3.13.1",), ROUNDING, "near", "", outcome("i", "v", 0.25)),
    Cell("keras==3.8", ("keras==3.8",), DIFFERENT, "far apart", "jax 0.4", outcome("j", "x", 0.5)),
    Cell("keras==9", ("keras==9",), FAILED, "there is no version of keras==9"),
)
FOUND = Matrix("", "train.py", CELLS, "as installed", "accuracy", 5, command="whydiff matrix x")


def test_equal_bits_are_one_group():
    assert list(FOUND.groups("initial").values()) == ["A", "A", "A", "B", "-"]
    assert list(FOUND.groups("final").values()) == ["A", "A", "B", "C", "-"]
    assert list(FOUND.groups("metric").values()) == ["A", "A", "A", "A", "-"]
    assert FOUND.to_dict()["cells"][3]["groups"] == {
        "initial": "B", "first": "A", "final": "C", "metric": "A",
    }  # fmt: skip
    assert set(FOUND.to_dict()["cells"][0]["groups"]) == set(COLUMNS)


def test_the_verdict_counts_and_the_table_says_why():
    assert verdict(FOUND) == (
        "Of 4 other sets than as installed, train.py ends with equal bits in 1, no further away "
        "than rounding in 1 and otherwise in 1; 1 gave no result."
    )
    sections = {s.id: s for s in document(FOUND).sections}
    rows = sections["sets"].blocks[0].rows
    assert rows[3] == ("keras==3.8", "B", "A", "C", "0.5 (A)", "differs")
    assert rows[4] == ("keras==9", "-", "-", "-", "-", "no result")
    assert ("keras==9", "there is no version of keras==9", "-") in sections["reasons"].blocks[
        0
    ].rows
    assert sections["next"].blocks[1].text == "whydiff explain train.py --b-with keras==3.8"


def test_a_script_that_never_runs_is_called_so():
    failed = Matrix("", "train.py", CELLS[4:])
    assert verdict(failed) == "train.py gave no result under any of the sets."


def test_cells_are_kept(tmp_path):
    file = tmp_path / "m.json"
    keep(file, {"target": "train.py"}, "cells", CELLS)
    assert kept(file, {"target": "train.py"}, "cells", Cell) == CELLS
