"""What a script leaves behind: nothing after explain, and with --in-place it is the named cause."""

from pathlib import Path

import pytest

from whydiff import explain
from whydiff.core.findings import CONFIRMED

SCRIPT = """
import os, sqlite3, sys
import keras
import numpy as np
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
if os.path.exists("model.weights.h5"):
    model.load_weights("model.weights.h5")
model.compile("sgd", "mse")
model.fit(x, x[:, :2], batch_size=16, shuffle=False, verbose=0)
model.save_weights("model.weights.h5")
with open("results.csv", "a") as file:
    file.write("1\\n")
database = sqlite3.connect("runs.db")
database.execute("create table if not exists runs (loss)")
database.commit()
sys.exit("not good enough")
"""


@pytest.mark.thorough
def test_a_script_that_resumes_writes_and_fails(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = Path("train.py")
    script.write_text(SCRIPT)
    answer = explain(script)
    assert answer.identical and [path.name for path in tmp_path.iterdir()] == ["train.py"]
    failed = "train.py exited with 1: not good enough (after all that was watched)."
    assert failed in answer.notes
    (ran,) = (note for note in answer.notes if note.startswith("Scripts ran"))
    assert ran == (
        "Scripts ran 2 times on scratch copies of the current folder; in place they would have "
        "written model.weights.h5, results.csv and runs.db."
    )

    answer = explain(script, in_place=True)
    (cause,) = answer.causes
    assert (cause.source, cause.status) == ("state", CONFIRMED)
    assert "model.weights.h5, which A had written" in cause.detail
    assert failed in answer.notes and "Scripts ran 2 times, in place." in answer.notes
    assert Path("results.csv").read_text() == "1\n1\n"
