"""A notebook's cells as Python."""

from __future__ import annotations

import json

import pytest

from whydiff.lint import check_notebook
from whydiff.script_text.notebook import notebook_code


def notebook(*cells: str | list[str]) -> str:
    made = [{"cell_type": "markdown", "source": "# Title"}]
    made += [{"cell_type": "code", "source": cell} for cell in cells]  # type: ignore[dict-item]
    return json.dumps({"cells": made, "nbformat": 4})


def test_cells_follow_each_other_and_lines_keep_their_places() -> None:
    code = notebook_code(notebook("a = 1\nb = 2", ["c = 3\n", "d = 4"]))
    assert code.text == "a = 1\nb = 2\nc = 3\nd = 4\n"
    assert code.places == ((2, 1), (2, 2), (3, 1), (3, 2))


def test_lines_for_ipython_do_nothing() -> None:
    code = notebook_code(
        notebook("%matplotlib inline\n!pip install keras\nfiles = !ls\nx.shape?\ny = 5 % 3",
                 "%%bash\nls | wc", "%%time\nz = 1", "def broken(:")
    )  # fmt: skip
    assert code.text.split("\n") == [
        "pass", "pass", "files = None", "pass", "y = 5 % 3", "", "", "pass", "z = 1", "", "",
    ]  # fmt: skip


def test_a_trap_is_named_by_cell_and_line() -> None:
    (problem,) = check_notebook(
        notebook("import numpy as np", "x = 1\nrng = np.random.default_rng()"), "a.ipynb"
    )
    assert (problem.rule, problem.cell, problem.line) == ("WD105", 3, 2)


@pytest.mark.parametrize("content", ["{}", "[]", "x = 1", '{"cells": [{"cell_type": "code"}]}'])
def test_other_files_are_refused(content: str) -> None:
    with pytest.raises(ValueError, match="no notebook"):
        notebook_code(content)
