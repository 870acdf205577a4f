"""The fixture ``whydiff_verify`` in a pytest of its own, from the first lock to a failing test."""

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace

import pytest

from whydiff import pytest_plugin

pytestmark = pytest.mark.long

#: where this very project is installed the plugin is found by itself
INSTALLED = any(e.value == "whydiff.pytest_plugin" for e in entry_points(group="pytest11"))
TRAIN = """
import os
import keras
import numpy as np

keras.utils.set_random_seed(int(os.environ.get("SEED", 7)))
x = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, x[:, :1], epochs=2, verbose=0)
"""
TEST = """
def test_training(whydiff_verify):
    result = whydiff_verify("train.py", require="bitwise")
    assert result is None or result.level == "bitwise"
"""


def run_pytest(folder, *words, **environment):
    plugin = () if INSTALLED else ("-p", "whydiff.pytest_plugin")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugin, *words, "test_it.py"],
        cwd=folder,
        env={**os.environ, "KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "1", **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_from_the_first_lock_to_a_failing_and_a_passing_test(tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "test_it.py").write_text(TEST)

    missing = run_pytest(tmp_path)
    assert missing.returncode == 1
    assert "there is no lock" in missing.stdout and "--whydiff-update" in missing.stdout

    assert run_pytest(tmp_path, "--whydiff-update").returncode == 0
    assert (tmp_path / "train.lock").exists()
    assert run_pytest(tmp_path).returncode == 0

    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "Keep it"]):
        git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
        subprocess.run(git, cwd=tmp_path, check=True)
    (tmp_path / "train.py").write_text(TRAIN.replace('"SEED", 7', '"SEED", 8'))
    failed = run_pytest(tmp_path, "--whydiff-explain")
    assert failed.returncode == 1
    # proven against the revision in which the lock was committed, not only suspected
    assert "\nWhy: The two revisions differ because of the initial weights" in failed.stdout
    assert re.search(r"^initialization \(intentional\) +100 %", failed.stdout, re.MULTILINE)
    assert "\ntrain.py is different" in failed.stdout  # named as a person would name it here
    assert "First divergence" in failed.stdout and "dense/kernel" in failed.stdout
    assert "initialization" in failed.stdout
    assert "pytest_plugin.py" not in failed.stdout  # the message, no traceback of ours


@pytest.mark.thorough
def test_an_update_accepts_the_change(tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "test_it.py").write_text(TEST)
    assert run_pytest(tmp_path, "--whydiff-update", SEED="8").returncode == 0
    assert run_pytest(tmp_path, SEED="8").returncode == 0
    assert run_pytest(tmp_path).returncode == 1


def test_settings_of_the_project_are_demanded_where_nothing_else_is_said(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[tool.whydiff]\nsandbox = false\nmetric = 'loss'\nbudget = '2m'\n"
        "[tool.whydiff.verify]\nrequire = 'rounding'\nmargin = 0.5\n"
        "[tool.whydiff.lock]\nreplicas = 5\n"
    )
    project = pytest_plugin._of_project("verify", tmp_path)
    marker = pytest.mark.whydiff(margin=0.25).mark
    request = SimpleNamespace(node=SimpleNamespace(iter_markers=lambda name: [marker]))
    assert pytest_plugin._demanded(request, {"metric": "accuracy"}, project) == {
        "require": "rounding", "metric": "accuracy", "margin": 0.25, "replicas": None,
    }  # fmt: skip
    assert (project["in_place"], project["budget"]) == (True, 120.0)
    assert pytest_plugin._of_project("lock", tmp_path)["replicas"] == 5


def test_the_entry_point_is_declared():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\nwhydiff = "whydiff.pytest_plugin"' in text


def test_the_plugin_imports_nothing_heavy():
    code = (
        "import sys, whydiff.pytest_plugin;"
        "print([m for m in ('numpy', 'scipy', 'keras', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True)
    assert done.stdout.strip() == "[]"
