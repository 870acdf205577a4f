"""A repository with sixteen commits, one of which changed what a script trains to."""

import os
import subprocess
import sys

import pytest

import whydiff

TRAIN = """
import keras
import numpy as np
from settings import FOLD, RATE

keras.utils.set_random_seed(1)
x = np.random.default_rng(7).normal(size=(96, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)
keep = np.arange(96) % 4 != FOLD
model = keras.Sequential([keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.SGD(learning_rate=RATE), loss="mse")
model.fit(x[keep], y[keep], epochs=2, batch_size=32, verbose=0)
"""


def git(folder, *arguments):
    settings = ["-c", "user.name=n", "-c", "user.email=e@x"]
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


#: Its learning rate is that of the release of a small package.
BY_RELEASE = TRAIN.replace(
    "from settings import FOLD, RATE",
    "import six\nfrom settings import FOLD\nRATE = 0.05 if six.__version__ >= '1.14' else 0.01",
)


def history(folder, *, faster=99, resplit=99, upgraded=99, broken=(), script=TRAIN):
    """Sixteen commits tagged c1 to c16; from ``faster`` on another learning rate, and so on."""
    git(folder, "init", "-qb", "main")
    for number in range(1, 17):
        rate, fold = 0.05 if number >= faster else 0.01, 2 if number >= resplit else 1
        end = "raise RuntimeError('broken')\n" if number in broken else ""
        (folder / "settings.py").write_text(f"RATE = {rate}\nFOLD = {fold}\n{end}")
        (folder / "train.py").write_text(script)
        release = "1.14.0" if number >= upgraded else "1.13.0"
        (folder / "requirements.txt").write_text(f"# packages\nnumpy\nsix=={release}\n")
        (folder / "notes").write_text(f"{number}\n")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", f"Change {number}")
        git(folder, "tag", f"c{number}")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    return tmp_path


@pytest.mark.long
def test_a_changed_learning_rate_is_found_with_its_line_and_commit(here):
    history(here, faster=11)
    found = whydiff.bisect("train.py", "c1", "HEAD")
    assert [found.point(n).about for n in (found.before, found.first)] == ["Change 10", "Change 11"]
    assert found.runs <= 5
    (cause,) = found.explanation.causes
    assert (cause.source, cause.status, found.explanation.unexplained) == (
        "optimizer",
        "confirmed",
        0,
    )
    commit = f"commit {git(here, 'rev-parse', 'c11')[:10]} (Change 11)"
    assert cause.detail == (
        f"learning_rate: 0.01 vs. 0.05 (settings.py:1: RATE = 0.01 vs. RATE = 0.05; {commit})"
    )


@pytest.mark.long
def test_a_changed_split_is_found_though_a_commit_in_the_middle_fails(here):
    history(here, resplit=6, broken={9})
    state = git(here, "status", "--porcelain"), git(here, "worktree", "list")
    found = whydiff.bisect("train.py", "c1", "HEAD", file=here / "b.json")
    assert found.point(found.first).about == "Change 6"
    assert found.point(found.before).about == "Change 5"
    skipped = [one for one in found.tried if one.state == "skipped"]
    assert [found.point(one.number).about for one in skipped] == ["Change 9"]
    assert "broken" in skipped[0].why
    assert found.runs - len(skipped) <= 5
    (cause,) = found.explanation.causes
    assert (cause.source, cause.status) == ("data-content", "confirmed")
    commit = f"commit {git(here, 'rev-parse', 'c6')[:10]} (Change 6)"
    assert f"settings.py:2: FOLD = 1 vs. FOLD = 2; {commit}" in cause.detail
    (here / "b.json").unlink()
    assert (git(here, "status", "--porcelain"), git(here, "worktree", "list")) == state


@pytest.mark.thorough
def test_a_changed_dependency_is_found_where_commits_run_with_what_they_ask_for(here, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    history(here, upgraded=7, script=BY_RELEASE)
    found = whydiff.bisect("train.py", "c1", "c16", packages=["-r requirements.txt"])
    assert found.point(found.first).about == "Change 7"
    assert found.runs <= 5
    (cause,) = found.explanation.causes
    assert (cause.source, cause.status) == ("optimizer", "confirmed")
    assert "learning_rate: 0.01 vs. 0.05" in cause.detail
    notes = "\n".join(found.explanation.notes)
    asked = "requirements.txt asks for other packages in A and B: six==1.13.0 vs. six==1.14.0."
    assert asked in notes and "Both ran" not in notes
    assert "with -r requirements.txt: six 1.13.0 (here" in notes


@pytest.mark.long
def test_what_chance_changes_is_no_change(here):
    unseeded = TRAIN.replace("keras.utils.set_random_seed(1)\n", "")
    history(here, script=unseeded)
    code = "from whydiff.cli import main; main()"
    command = [sys.executable, "-c", code, "bisect", "train.py", "--good", "c1", "--bad", "c3"]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 3, done.stderr
    assert "train.py does not end in the same twice" in done.stdout
    assert "changed with" not in done.stdout
