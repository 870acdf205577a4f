"""``whydiff check`` at the command line: exit codes, JSON, selection, trouble."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from whydiff.cli import main

BAD = "import numpy as np\nrng = np.random.default_rng()\n"


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "good.py").write_text("x = 1\n")
    return lambda *words: CliRunner().invoke(main, ["check", *words])


def test_exit_codes_and_the_line(check):
    assert check("good.py").exit_code == 0
    found = check("bad.py")
    assert found.exit_code == 1
    assert "bad.py:2:1: WD105 generator-without-seed" in found.stdout
    assert "Pass a seed" in found.stdout


def test_a_folder_and_json(check):
    found = check(".", "--json")
    answer = json.loads(found.stdout)
    assert answer["scripts"] == 2 and answer["unread"] == []
    (finding,) = answer["findings"]
    assert (finding["file"], finding["line"], finding["rule"]) == ("bad.py", 2, "WD105")
    assert finding["remedy"]


def test_select_and_ignore(check):
    assert check("bad.py", "--select", "WD2,no-seed").exit_code == 0
    assert check("bad.py", "--select", "WD1").exit_code == 1
    assert check("bad.py", "--ignore", "generator-without-seed").exit_code == 0
    wrong = check("bad.py", "--select", "WD777")
    assert wrong.exit_code == 2 and "WD777" in wrong.output


def test_what_is_no_python_is_trouble_and_the_rest_is_read(check, tmp_path):
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "binary.py").write_bytes(b"\xff\x00")
    found = check(".")
    assert found.exit_code == 2
    assert "broken.py is not Python" in found.output and "binary.py" in found.output
    assert "WD105" in found.stdout
    assert check("missing.py").exit_code == 2


def test_the_rules_are_listed(check):
    assert "WD101  no-seed" in check("--rules").stdout


def test_it_needs_no_keras_and_no_numpy(tmp_path):
    (tmp_path / "bad.py").write_text(BAD)
    code = (
        "import sys\nfrom whydiff.cli import main\n"
        "try:\n    main(['check', 'bad.py'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('keras', 'scipy', 'rich', 'jax') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, text=True, capture_output=True,
        env=os.environ,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_notebook_is_read_by_its_cells(check, tmp_path):
    cells = [{"cell_type": "code", "source": line} for line in BAD.splitlines()]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}))
    found = check("a.ipynb")
    assert found.exit_code == 1
    assert "a.ipynb:cell 2:1:1: WD105 generator-without-seed" in found.stdout
    (tmp_path / "b.ipynb").write_text("{}")
    assert check("b.ipynb").exit_code == 2
