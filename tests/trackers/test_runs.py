"""Runs that a script keeps in MLflow, with recordings attached, and explained from there."""

import os
import shlex
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

import whydiff
from whydiff.cli import main
from whydiff.core.tracked import RunDifference, TrackedRun
from whydiff.experiments.tracked_runs import compare_runs
from whydiff.trackers import Tracker, tracker_of

SCRIPT = """
import whydiff
whydiff.autolog()
import mlflow
mlflow.set_tracking_uri("sqlite:///runs.db")
import keras
import numpy as np
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
for name, rate in (("slow", 0.01), ("fast", 0.1), ("none", None)):
    with mlflow.start_run(run_name=name) as run:
        mlflow.log_param("rate", rate)
        print(run.info.run_id)
        if rate is not None:
            keras.utils.set_random_seed(1)
            model = keras.Sequential([keras.layers.Dense(1)])
            model.compile(keras.optimizers.SGD(rate), "mse")
            logged = model.fit(x, x[:, :1], epochs=2, shuffle=False, verbose=0)
            mlflow.log_metric("loss", logged.history["loss"][-1])
"""


class Kept:
    """A store in memory: runs by id, and their files."""

    def __init__(self, runs, files=None):
        self.runs, self.files = dict(runs), dict(files or {})

    def write(self, run):
        number = str(len(self.runs) + 1)
        self.runs[number] = run
        return number

    def attach(self, run, tags, files, metrics=None):
        self.runs[run] = replace(self.runs[run], tags={**self.runs[run].tags, **tags})
        self.files |= {(run, name): content for name, content in files.items()}

    def read(self, run):
        return self.runs[run]

    def fetch(self, run, name):
        return self.files.get((run, name))


def compared(a, b, files=None):
    return compare_runs(Tracker("kept:", Kept({"1": a, "2": b}, files)), "1", "2")


def run(tags=(), **parameters):
    return TrackedRun("n", parameters=parameters, tags=dict(tags), metrics=({"loss": 0.5},))


def test_what_a_tracker_keeps_is_told_by_kind():
    a = run({"mlflow.source.git.commit": "1f", "team": "x", "mlflow.user": "me"}, lr="0.1", b="1")
    b = run({"mlflow.source.git.commit": "2e", "mlflow.user": "you"}, lr="0.2", b="1")
    files = {("1", "requirements.txt"): b"keras==3.10.0\n# no\nnumpy>=1\n",
             ("2", "requirements.txt"): b"keras==3.11.0\n"}  # fmt: skip
    found = compared(a, b, files)
    assert found.differences == (
        RunDifference("revision", "revision", "1f", "2e"),
        RunDifference("version", "keras", "3.10.0", "3.11.0"),
        RunDifference("parameter", "lr", "0.1", "0.2"),
        RunDifference("tag", "team", "x", None),
    )
    assert found.equal == 2  # b and the loss
    assert str(found).startswith(
        "The two runs differ in the revision, 1 version, 1 parameter and 1 tag."
    )
    assert "`whydiff.autolog()` in the script attaches one" in found.notes[0]


def test_what_was_not_kept_of_one_run_is_no_difference():
    known = run(
        {"whydiff.revision": "1f", "whydiff.arguments": "[]"}, **{"version.keras": "3.15.1"}
    )
    assert compared(known, run()).differences == ()


def test_two_revisions_or_arguments_of_one_script_give_the_command_that_proves_it():
    def tags(revision, arguments):
        return {"whydiff.script": "train.py", "whydiff.revision": revision,
                "whydiff.arguments": arguments}  # fmt: skip

    found = compared(run(tags("1f", '["--lr", "1 2"]')), run(tags("2e", "[]")))
    assert found.command.startswith("whydiff explain train.py --a-rev 1f --a-args ")
    assert shlex.split(found.command)[6] == "--lr '1 2'" and found.command.endswith("--b-rev 2e")
    same = compared(run(tags("1f", "[]")), run(tags("1f", "[]")))
    assert same.command == "" and str(same).startswith("Nothing that the tracker keeps")
    other = {**tags("2e", "[]"), "whydiff.script": "other.py"}
    assert compared(run(tags("1f", "[]")), run(other)).command == ""
    one, two = (run({**tags("1f", "[]"), "whydiff.fit": fit}) for fit in "12")
    assert compared(one, two).command.startswith("whydiff explain train.py --fits 1,2 ")
    assert compared(one, one).command.startswith("whydiff explain train.py --runs ")


def test_a_file_that_is_no_recording_is_named():
    files = {(id, "recording.whydiff"): b"nonsense" for id in "12"}
    (note,) = compared(run(), run(), files).notes
    assert note.startswith("The recordings cannot be compared: a.whydiff")


@pytest.mark.parametrize("runs", ["mlflow:1", "mlflow:1,2,3", "mlflow:,2"])
def test_two_runs_are_wanted(runs):
    with pytest.raises(whydiff.WhydiffError, match="does not name two runs"):
        whydiff.explain_runs(runs)


def test_runs_and_scripts_are_not_compared():
    done = CliRunner().invoke(main, ["explain", "train.py", "--runs-of", "mlflow:1,2"])
    assert done.exit_code == 2 and "without a script" in done.output


@pytest.mark.long
def test_recordings_that_a_script_attached_to_its_runs_are_explained(tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text(SCRIPT)
    environment = {**os.environ, "KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "train.py", "--note", "x"], cwd=tmp_path,
                          env=environment, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    slow, fast, none = done.stdout.split()
    monkeypatch.chdir(tmp_path)
    store = "mlflow:sqlite:///runs.db"
    found = whydiff.explain_runs(f"{store}#{slow},{fast}", track=store)
    kinds = {(d.kind, d.name): (d.a, d.b) for d in found.differences}
    assert kinds["parameter", "rate"] == ("0.01", "0.1") and ("metric", "loss") in kinds
    assert [c.source for c in found.explanation.causes] == ["optimizer"]
    assert str(tmp_path) not in str(found.to_dict())
    for id, fit in ((slow, "1"), (fast, "2")):
        tags = tracker_of(store).read(id).tags
        assert tags["whydiff.fit"] == fit and tags["whydiff.arguments"] == '["--note", "x"]'
        assert tags["whydiff.verdict"].startswith("The two runs differ in 1 parameter")
        assert tracker_of(store).fetch(id, "whydiff.html").startswith(b"<!DOCTYPE html>")
    assert "whydiff.fit" not in tracker_of(store).read(none).tags  # nothing was fitted in it
    without = whydiff.explain_runs(f"{store}#{slow},{none}")
    assert without.explanation is None and "No recording is attached to B" in without.notes[0]
