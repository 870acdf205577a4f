"""B begun beside A: it meets nothing of A, nor A of it, and the answer is that of one after the
other."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from whydiff import explain
from whydiff.core.question import Question, SideOptions
from whydiff.experiments.explain import early
from whydiff.experiments.explain.early import begin_early, may_begin_early
from whydiff.experiments.explain.sides import begin_script
from whydiff.runner.client import Run
from whydiff.runner.running import Runs
from whydiff.runner.scratch import Place, place_for
from whydiff.testing import HANGS
from whydiff.testing.sides import a_side


@pytest.fixture
def roomy(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(early, "available_memory", lambda: 8 << 30)
    monkeypatch.setattr(early, "cores", lambda: 2)
    monkeypatch.setattr(early, "has_accelerator", lambda: False)
    return monkeypatch


def written(name, text):
    Path(name).write_text(text)
    return Path(name).absolute()


def may(question=None, script="model.fit(x, y)\n", b=None, place=None):
    place = place or Place((Path.cwd(),))
    a = Run(written("train.py", script))
    question = question or Question(("train.py",))
    return may_begin_early(question, Runs(place), a, b or a)


def test_b_begins_beside_a_where_it_is_needed_and_neither_meets_the_other(roomy):
    assert may()
    twice = "a.fit(x, y)\nb.fit(x, y)\n"
    assert not may(script=twice)  # two fits of A's run, most likely
    assert may(Question(("train.py",), runs=True), twice)
    assert not may(Question(("train.py",), calls=(1, 2)))
    assert not may(Question(("train.py",), fits=(1, 2)))
    assert not may(place=Place())
    assert not may(place=Place((Path.cwd(),), means="moved"))
    assert not may(script="import time\nmodel.fit(x, y)\n")
    assert not may(script="x.cache('/tmp/cache')\nmodel.fit(x, y)\n")
    assert not may(b=Run(written("b.py", "import time")))
    argued = Question(("train.py",), b=SideOptions(arguments=("--out=/tmp/x",)))
    assert not may(argued, b=Run(Path("train.py").absolute(), ("--out=/tmp/x",)))
    written("helper.py", "import time\n")
    assert not may(script="import helper\nmodel.fit(x, y)\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cores", lambda: 1),
        ("has_accelerator", lambda: True),
        ("available_memory", lambda: 1 << 30),
        ("available_memory", lambda: None),
    ],
)
def test_a_machine_that_is_too_small_or_has_an_accelerator_runs_them_one_by_one(roomy, name, value):
    roomy.setattr(early, name, value)
    assert not may()


#: Goes on until a file is there, in what is copied; then writes outside, if it is asked to.
SCRIPT = """
import os, sys, time
open("inside", "w").write("x")
print("here", flush=True)
if os.environ["WHYDIFF_RUN"] == "a":
    while not os.path.exists(sys.argv[1] + "/go"):
        time.sleep(0.01)
if os.environ["WHYDIFF_RUN"] in sys.argv[2]:
    open(sys.argv[1] + "/outside", "a").write(os.environ["WHYDIFF_RUN"])
"""


def comes_true(condition):
    for _ in range(int(50 * HANGS)):
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def two(roomy, tmp_path):
    """Both runs, begun; which of them write outside is told by letters."""
    script = written("train.py", SCRIPT)
    runs, folder = Runs(place_for([script])), tmp_path / "ours"
    folder.mkdir()

    def begin(letters):
        run = Run(script, (str(tmp_path), letters))
        a = begin_script(runs, replace(run, alone=True), folder, "a")
        b = begin_early(runs, run, folder, a.recording)
        assert comes_true(lambda: "here" in (folder / "b.log").read_text())
        return runs, a, b

    return begin


def test_b_waits_with_what_a_could_meet_until_a_is_over(tmp_path, two):
    runs, a, b = two("b")
    (tmp_path / "go").touch()
    with runs.wait(a):
        assert not (tmp_path / "outside").exists()
        b.settle(a_side().execution)
        child = b.take()
        with runs.wait(child) as ran:
            assert ran.succeeded and (tmp_path / "outside").read_text() == "b"
    assert runs.count == 2 and b.take() is None


def test_where_a_could_be_met_b_is_thrown_away_as_if_it_had_never_begun(tmp_path, two):
    runs, a, b = two("ab")
    (tmp_path / "go").touch()
    with runs.wait(a):
        b.settle(a_side().execution)
        assert b.take() is None and runs.count == 1
        assert (tmp_path / "outside").read_text() == "a"
        assert not list((tmp_path / "ours").glob("b.*"))
    assert list(runs.written) == ["inside"]


def test_b_is_ended_where_memory_becomes_short(tmp_path, two, roomy):
    runs, a, b = two("")
    roomy.setattr(early, "available_memory", lambda: early.LEAST_FREE - 1)
    assert comes_true(lambda: b._ended)
    (tmp_path / "go").touch()
    with runs.wait(a):
        b.settle(a_side().execution)
        assert b.take() is None


TRAINS = """
import os
import keras, numpy as np
keras.utils.set_random_seed(int(os.environ["SEED"]))
x = np.random.default_rng(0).normal(size=(200, 6)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "relu"),
                          keras.layers.Dropout(0.2), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, y, epochs=2, verbose=0)
model.save("model.keras")
"""


@pytest.mark.long
@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_the_answer_is_that_of_one_run_after_the_other(roomy, backend):
    pytest.importorskip(backend)
    script = written("train.py", TRAINS)
    begun = []
    roomy.setattr(early, "throw_away", lambda *_: pytest.fail("B was thrown away"))
    begin = early.begin_early
    roomy.setattr(
        "whydiff.experiments.explain.inquiry.begin_early",
        lambda *arguments: begun.append(1) or begin(*arguments),
    )

    def answered():
        found = explain(
            script,
            a_env={"SEED": "1", "KERAS_BACKEND": backend},
            b_env={"SEED": "2", "KERAS_BACKEND": backend},
            fix=False,
        )
        text = json.dumps(found.to_dict(), sort_keys=True, indent=1, default=str)
        return re.sub(r'("[a-z_]*seconds"): [0-9.e-]+', r"\1: 0", text)

    at_once = answered()
    assert begun == [1] and '"status": "confirmed"' in at_once
    roomy.setattr(early, "cores", lambda: 1)
    assert answered().splitlines() == at_once.splitlines()
    assert begun == [1]
