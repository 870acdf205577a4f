"""Which files of a project belong to a script."""

import pytest

from whydiff.experiments.explain.texts import modules_of


@pytest.mark.parametrize(("name", "known"), [("test_it.py", True), ("train.py", False)])
def test_what_pytest_loads_belongs_to_a_test(tmp_path, name, known):
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / name).write_text("import helper\n")
    (tests / "helper.py").write_text("x = 1\n")
    for folder in (tests, tmp_path):
        (folder / "conftest.py").write_text("import numpy as np\nnp.random.seed(0)\n")
    found = [
        path.relative_to(tmp_path).as_posix() for path, _ in modules_of(tests / name, tmp_path)
    ]
    assert "tests/helper.py" in found
    assert ({"tests/conftest.py", "conftest.py"} <= {*found}) is known
