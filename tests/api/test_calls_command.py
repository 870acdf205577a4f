"""``calls`` runs a script once and numbers what it does with its models."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from whydiff.cli import main

SCRIPT = """
import sys
import keras, numpy as np
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
x = np.ones((4, 3), "float32")
model.predict(x, verbose=0)
open("written.txt", "w").close()
model(x)
sys.exit(sys.argv[1])
"""


@pytest.mark.long
def test_a_script_runs_once_and_its_calls_are_numbered(tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["calls", "train.py", "--json", "calls.json", "--", "too bad"])
    assert done.exit_code == 0, done.output
    listed = [line.split()[:2] for line in done.stdout.splitlines() if "train.py:" in line]
    assert ["1", "predict"] in listed and any(number == "2" for number, _ in listed)
    assert "exited with 1; listed is what was seen until then" in done.stderr
    assert json.loads(Path("calls.json").read_text())["exit_code"] == 1
    assert not Path("written.txt").exists()
