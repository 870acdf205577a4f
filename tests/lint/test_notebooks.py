"""A notebook's traps, by cell and line."""

from __future__ import annotations

import json

import pytest

from whydiff.lint import check_notebook


def notebook(*cells: str) -> str:
    made = [{"cell_type": "markdown", "source": "# Title"}]
    made += [{"cell_type": "code", "source": cell} for cell in cells]
    return json.dumps({"cells": made, "nbformat": 4})


def test_a_trap_is_named_by_cell_and_line() -> None:
    content = notebook(
        "%matplotlib inline\nimport numpy as np",
        "def broken(:\n!ls",
        "%%bash\nls",
        "x = 1\nrng = np.random.default_rng()",
    )
    (problem,) = check_notebook(content, "a.ipynb")
    assert (problem.rule, problem.cell, problem.line) == ("WD105", 4, 2)


@pytest.mark.parametrize("content", ["{}", "[]", "x = 1", '{"cells": [{"cell_type": "code"}]}'])
def test_other_files_are_refused(content: str) -> None:
    with pytest.raises(ValueError):
        check_notebook(content, "a.ipynb")
