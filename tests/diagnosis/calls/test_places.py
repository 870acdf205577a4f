"""Where a call stands, in the words of people who write scripts, projects and notebooks."""

from dataclasses import replace

from whydiff.core.stack import Frame
from whydiff.diagnosis.calls.results import described, place_of, said
from whydiff.report.documents.calls import name
from whydiff.testing.calls import call


def at(*frames):
    return replace(call(1), stack=tuple(Frame(file, line, "<module>") for file, line in frames))


def test_a_line_of_the_script_is_a_line():
    made = at(("/p/train.py", 9))
    assert (place_of(made), said(made)) == ("line 9", "predict at line 9")
    assert "place" not in described(made)
    assert name(described(made)) == "predict (line 9)"


def test_a_line_of_another_file_comes_with_its_name():
    made = at(("/p/train.py", 9), ("/p/metrics.py", 4))
    assert said(made) == "predict at metrics.py, line 4"
    assert place_of(made, 9) == "line 9", "where a line of the script tells two calls apart"
    assert name(described(made)) == "predict (metrics.py, line 4)"


def test_a_line_of_a_notebook_comes_with_its_cell():
    made = at(("/p/demo.ipynb (cell 3)", 1))
    assert said(made) == "predict at cell 3, line 1"
    live = replace(made, stack=(Frame("/tmp/ipykernel/1.py", 2, "<module>", cell="cell [7]"),))
    assert said(live) == "predict at cell [7], line 2"


def test_without_a_stack_there_is_no_place():
    made = replace(call(1), stack=())
    assert (place_of(made), said(made)) == ("", "predict")
