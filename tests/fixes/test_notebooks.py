"""Changes of a notebook are found in the text of all cells, and shown cell by cell."""

import json
from dataclasses import replace

from whydiff.core.recording import Side
from whydiff.core.stack import Frame
from whydiff.fixes.notebooks import as_one_script, patch
from whydiff.script_text.notebooks import as_script, cells
from whydiff.testing.sides import a_side


def notebook(*texts):
    found = [{"cell_type": "code", "source": text} for text in texts]
    return cells(json.dumps({"cells": found}))


def test_only_the_changed_cell_is_shown_as_it_stands_in_the_notebook():
    found = notebook("import keras\n%matplotlib inline\nSEED = 3", "model = build()\nmodel.fit(x)")
    changed = as_script(found).replace("SEED = 3", "SEED = 3\nkeras.utils.set_random_seed(SEED)")
    lines = patch(found, changed, "train.ipynb").splitlines()
    assert lines[:2] == ["--- a/train.ipynb (cell 1)", "+++ b/train.ipynb (cell 1)"]
    assert " %matplotlib inline" in lines and "+keras.utils.set_random_seed(SEED)" in lines
    assert sum(line.startswith("---") for line in lines) == 1


def test_a_long_cell_keeps_its_lines_for_ipython():
    cell = "\n".join([*["%time f()"] * 250, "SEED = 3"])
    found = notebook(cell)
    lines = patch(found, as_script(found).replace("SEED = 3", "SEED = 4"), "t.ipynb").splitlines()
    assert {line for line in lines[3:] if line[0] == "+"} <= {"+%time f()", "+SEED = 4"}


def test_a_cell_that_looks_like_several_has_no_patch_of_its_own():
    found = notebook("x = 1\n# %% [cell 7]\ny = 2")
    assert patch(found, as_script(found).replace("y = 2", "y = 3"), "train.ipynb") == ""


def test_lines_of_cells_are_lines_of_the_text():
    found = notebook("import keras", "x = 1\nmodel.fit(x)")
    frames = (Frame("/home/me/train.ipynb (cell 2)", 2, "<module>"), Frame("/lib/net.py", 9, "fit"))
    side = a_side()
    fit = replace(side.fit, stack=frames)
    execution = replace(side.execution, script="train.ipynb", fits=(fit,))
    side, other = Side(execution, fit), Side(execution, fit)
    first, second = as_one_script((side, other), found)
    assert first.execution is second.execution and first.fit is second.fit
    line = as_script(found).splitlines().index("model.fit(x)") + 1
    assert first.fit.stack == (Frame("train.ipynb", line, "<module>"), frames[1])
