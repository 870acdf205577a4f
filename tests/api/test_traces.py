"""What a script leaves behind: nothing after explain, and with --in-place it is the named cause."""

import sqlite3
import subprocess
import sys
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


#: Leaves everything behind that scripts leave; a second run in place would refuse a folder.
LEAVES = """
import os, shutil, sqlite3
os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
import keras
import mlflow
import numpy as np
from tensorboardX import SummaryWriter
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
model.compile("sgd", "mse")
if os.path.exists("last.weights.h5"):
    model.load_weights("last.weights.h5")
os.makedirs("runs/one")
shutil.rmtree("cache")
os.makedirs("cache/new")
np.save("cache/new/x.npy", x)
mlflow.set_tracking_uri("file:./mlruns")
with mlflow.start_run():
    loss = model.fit(x, x[:, :2], batch_size=8, verbose=0).history["loss"][-1]
    mlflow.log_metric("loss", loss)
with SummaryWriter("events") as events:
    events.add_scalar("loss", loss)
model.save_weights("last.weights.h5")
with open("results.csv", "a") as file:
    file.write(f"{loss}\\n")
database = sqlite3.connect("runs.db")
database.execute("insert into runs values (1)")
database.commit()
"""
VERBS = {
    "explain": ["explain", "train.py"],
    "study": ["study", "train.py", "--blocks", "1", "--engine", "process", "-o", "{}/s.whydiff"],
    "compare": ["compare", "train.py", "other.py", "--max-pairs", "1", "--engine", "process"],
    "lock and verify": ["lock", "train.py", "-o", "{}/lock"],
}


@pytest.mark.thorough
@pytest.mark.parametrize("verb", VERBS)
def test_the_folder_is_byte_for_byte_as_before(verb, tmp_path, monkeypatch):
    for module in ("mlflow", "tensorboardX"):
        pytest.importorskip(module)
    folder, ours = tmp_path / "project", tmp_path / "ours"
    (folder / "cache").mkdir(parents=True)
    ours.mkdir()
    (folder / "train.py").write_text(LEAVES)
    (folder / "other.py").write_text(LEAVES.replace('"sgd"', '"adam"'))
    (folder / "cache" / "old.txt").write_text("old")
    (folder / "results.csv").write_text("loss\n")
    with sqlite3.connect(folder / "runs.db") as database:
        database.execute("create table runs (loss)")
    database.close()

    def state():
        paths = sorted(folder.rglob("*"))
        return [(p, p.lstat().st_mtime_ns, p.is_file() and p.read_bytes()) for p in paths]

    def run(words, exits=(0, 3)):
        done = subprocess.run(
            [sys.executable, "-m", "whydiff", *(word.format(ours) for word in words)],
            cwd=folder, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode in exits, done.stderr
        return " ".join((done.stdout + done.stderr).split())

    before = state()
    said = run(VERBS[verb])
    assert "Scripts ran " in said and "on scratch copies of the current folder" in said
    named = "cache/ (2 files)", "last.weights.h5, mlruns/ (", "results.csv", "runs.db"
    assert all(name in said.partition("would have written")[2] for name in named), said
    if verb == "lock and verify":
        assert "bit-identical" in run(["verify", "train.py", "--lock", "{}/lock"])
        (folder / "train.py").write_text(LEAVES.replace('"sgd"', '"adam"'))
        before = state()
        said = run(["verify", "train.py", "--lock", "{}/lock"], exits=(1,))
        assert "the optimizer" in said and "on scratch copies of the current folder" in said
    assert state() == before
