"""The code of a notebook: cells in their order, lines of IPython's left out and named."""

import json

import pytest

from whydiff.script_text.notebooks import (
    Cell,
    as_script,
    cells,
    from_script,
    left_out,
    lines_above,
)


def notebook(*sources):
    kinds = [("markdown", "# Title"), *(("code", source) for source in sources)]
    return json.dumps({"cells": [{"cell_type": k, "source": s.splitlines(True)} for k, s in kinds]})


def test_cells_keep_their_lines_and_are_counted_without_text():
    first, second = cells(notebook("x = 1\ny = 2", "print(x)"))
    assert (first.number, first.text, second.number) == (1, "x = 1\ny = 2", 2)
    assert second.file("train.ipynb") == "train.ipynb (cell 2)"


def test_lines_of_ipython_are_left_out_in_their_place():
    (cell,) = cells(notebook("%matplotlib inline\nif True:\n    !pip install keras\nx = 5 % 2\nx?"))
    assert cell.text.splitlines() == ["pass", "if True:", "    pass", "x = 5 % 2", "pass"]
    assert list(left_out([cell])) == [
        "cell 1: %matplotlib inline",
        "cell 1: !pip install keras",
        "cell 1: x?",
    ]


def test_a_text_that_looks_like_a_magic_stays():
    (cell,) = cells(notebook('text = """\n%d of %d\n"""'))
    assert cell.text == 'text = """\n%d of %d\n"""' and not cell.left_out


def test_cells_around_python_run_and_others_do_not():
    timed, shell = cells(notebook("%%time\nx = 1", "%%bash\nrm -r data"))
    assert timed.text == "pass\nx = 1"
    assert shell.text == "" and shell.left_out == ("%%bash",)


@pytest.mark.parametrize("text", ["{}", "[]", "not JSON"])
def test_other_text_is_no_notebook(text):
    with pytest.raises(ValueError):
        cells(text)


def test_cells_are_found_again_in_the_text_of_all():
    found = [Cell(1, "x = 1\ny = 2"), Cell(2, ""), Cell(3, "print(x)\n")]
    text = as_script(found)
    assert from_script(text) == found
    lines = text.split("\n")
    above = lines_above(found)
    assert [lines[above[1]], lines[above[1] + 1], lines[above[3]]] == ["x = 1", "y = 2", "print(x)"]
