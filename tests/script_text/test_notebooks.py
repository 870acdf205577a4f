"""The code of a notebook: cells in their order, lines of IPython's done by IPython, or named."""

import json
import tokenize

import pytest

from whydiff.script_text.notebooks import (
    Cell,
    as_script,
    cells,
    for_ipython,
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


@pytest.mark.parametrize(
    ("line", "python", "done"),
    [
        ("%cd data", "pass", "get_ipython().run_line_magic('cd', 'data')"),
        ("    !ls -l", "    pass", "    get_ipython().system('ls -l')"),
        ("files = !ls", "files = None", "files = get_ipython().getoutput('ls')"),
        ("here = %pwd", "here = None", "here = get_ipython().run_line_magic('pwd', '')"),
        ("%time model.fit(x)", "model.fit(x)", "model.fit(x)"),
        ("x = 5 % 2", "x = 5 % 2", "x = 5 % 2"),
        # what installs, outlives the notebook or shows help is done by nobody
        *((line, "pass", "pass") for line in ("!pip install keras", "%pip install -q x",
          "!python -m pip install x", "%tensorboard --logdir logs", "%timeit f()",
          "%load_ext whydiff", "x?")),
    ],
)  # fmt: skip
def test_lines_of_ipython_are_done_by_ipython(line, python, done):
    before = "if True:\n    y = 1\n!ls"  # a cell that Python cannot read
    (cell,) = cells(notebook(f"{before}\n{line}"))
    text = cell.text.split("\n")[-1].partition("  # ipython: ")[0]
    for_it = for_ipython(cell.text).split("\n")[-1].partition("  # ipython: ")[0]
    assert (text, for_it) == (python, done) and len(cell.text.split("\n")) == 4
    said = list(left_out([cell], with_ipython=True))
    assert said == ([f"cell 1: {line}"] if done == "pass" else [])
    assert "cell 1: !ls" in left_out([cell], with_ipython=False)


def test_a_text_that_looks_like_a_magic_stays():
    for text in ('text = """\n%d of %d\n"""', 'print("%d"\n      % 3)'):
        (cell,) = cells(notebook(f"{text}\n!ls"))
        assert cell.text == f"{text}\npass  # ipython: !ls"


def test_cells_around_python_run_as_python_and_others_as_a_whole():
    timed, shell = cells(notebook("%%time\nx = 1\n!ls", "%%bash -e\nrm -r data\n# done"))
    assert timed.text == "pass\nx = 1\npass  # ipython: !ls"
    assert for_ipython(shell.text) == (
        "get_ipython().run_cell_magic('bash', '-e', 'rm -r data\\n# done\\n')"
    )
    assert list(left_out([shell], with_ipython=False)) == ["cell 2: %%bash -e"]


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


@pytest.mark.parametrize("line", ["x = f(1)\n", "x = (1,\n"])
def test_a_long_cell_is_read_once(monkeypatch, line):
    read = []
    tokens = tokenize.generate_tokens

    def counted(readline):
        def reads():
            read.append(1)
            return readline()

        return tokens(reads)

    monkeypatch.setattr(tokenize, "generate_tokens", counted)
    (cell,) = cells(notebook("!ls\n" + line * 500))
    assert cell.text.count(line) == 500
    assert len(read) < 4 * 500
