"""Studies of real trainings, on every backend, interrupted and resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import whydiff
from whydiff.core.errors import WhydiffError
from whydiff.core.plan import DRAW, OWN
from whydiff.experiments.study.answer import read
from whydiff.storage import kind, load_study

SCRIPT = Path(__file__).parent.parent / "scripts" / "small_study.py"
THREE = ["initialization", "data-order", "noise"]

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def jax(monkeypatch):
    """Children train with JAX unless a test says otherwise."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")


def failed_gates(study):
    return [gate for gate in study.gates if gate.passed is not True]


@pytest.mark.parametrize(
    "backend",
    [
        "jax",
        pytest.param("tensorflow", marks=pytest.mark.thorough),
        pytest.param("torch", marks=pytest.mark.thorough),
    ],
)
def test_study_by_plain_training(tmp_path, monkeypatch, backend):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    path = tmp_path / "a.whydiff"
    study = whydiff.study(SCRIPT, blocks=2, engine="solo", output=path)
    assert study.plan["attributed"] == THREE and study.backend == backend
    assert failed_gates(study) == [] and study.failures == {}
    assert study.trained == 2 * 8 + 1 and study.outcome.metric == "val_accuracy"
    assert study.outcome.mean.n == 4 and study.flips.where == "validation data"
    assert study.noise.examples == 40
    stored = load_study(path)
    for kept in stored.kept.values():
        assert len(kept.result.logs) == 2 and kept.result.digest
        assert kept.result.predictions[0].shape == (40, 1)
        assert set(kept.member.replica.seeds) == (set() if kept.member.kind == OWN else set(THREE))
    digests = {k.result.digest for k in stored.kept.values() if k.member.kind == DRAW}
    assert len(digests) == 16
    assert read(path).to_dict() == study.to_dict()


def test_study_by_the_fused_engine_agrees_with_plain_training(tmp_path):
    study = whydiff.study(SCRIPT, blocks=3, output=tmp_path / "a.whydiff")
    assert study.engine == "fused" and study.agreement.n == 4
    assert study.agreement.rounding and study.agreement.furthest < 1e-3
    assert failed_gates(study) == [] and study.trained == 3 * 8 + 1


COMMAND = [str(Path(sys.executable).with_name("whydiff")), "study", str(SCRIPT), "--engine", "solo"]


@pytest.mark.thorough
def test_killed_study_goes_on_without_losing_or_repeating_a_replica(tmp_path):
    path = tmp_path / "a.whydiff"
    command = [*COMMAND, "--blocks", "3", "-o", str(path)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None:
        if kind(path) == "study" and len(load_study(path).kept) >= 4:
            break
        time.sleep(0.05)
    assert process.poll() is None, "it was over before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = load_study(path).kept
    assert 4 <= len(before) < 26
    assert read(path).trained == len(before) - 1  # a study that was cut short can be read

    done = subprocess.run([*command, "--resume"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = load_study(path)
    assert len(after.kept) == 1 + 3 * 8 + 1
    for number, kept in before.items():
        again = after.kept[number].result
        assert (again.digest, again.seconds) == (kept.result.digest, kept.result.seconds)
    whole = whydiff.study(SCRIPT, blocks=3, engine="solo", output=tmp_path / "b.whydiff")
    other = load_study(tmp_path / "b.whydiff")
    for number, kept in other.kept.items():
        assert after.kept[number].result.digest == kept.result.digest
    for pair, distance in other.distances.items():
        assert after.distances[pair] == pytest.approx(distance) and distance > 0
    assert len(other.distances) == 3 * 8 * 7 // 2
    assert whole.outcome == read(path).outcome and whole.worth == read(path).worth

    with pytest.raises(WhydiffError, match="another --vary"):
        whydiff.study(SCRIPT, output=path, resume=True, vary="noise")
    with pytest.raises(WhydiffError, match="--seed 0, not 5"):
        whydiff.study(SCRIPT, output=path, resume=True, seed=5)
    with pytest.raises(WhydiffError, match="exists"):
        whydiff.study(SCRIPT, output=path)


@pytest.mark.thorough
def test_resume_extends_and_refuses_another_training(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.read_text())
    path = tmp_path / "a.whydiff"
    first = whydiff.study(script, vary="noise", blocks=1, engine="solo", output=path)
    more = whydiff.study(script, blocks=2, engine="solo", output=path, resume=True)
    assert (first.trained, more.trained) == (3, 5)
    script.write_text(SCRIPT.read_text().replace("Adam(0.01)", "Adam(0.02)"))
    with pytest.raises(WhydiffError, match="has changed since"):
        whydiff.study(script, output=path, resume=True)


def test_dead_seed_is_found(tmp_path):
    study = whydiff.study(SCRIPT, arguments=["dead"], blocks=2, engine="solo")
    gates = {g.name: g.passed for g in study.gates}
    assert study.plan["attributed"] == THREE and study.dead == ("noise",)
    assert gates["every source that is redrawn changes something"] is False
    assert gates["only the intended source was redrawn"] is True
    assert gates["training the same replica again gives the same result"] is True
    assert study.path == ""


@pytest.mark.thorough
def test_trainings_that_diverge(tmp_path):
    study = whydiff.study(SCRIPT, arguments=["nan"], vary="initialization", blocks=2, engine="solo")
    assert study.diverged.value > 0 and study.failures == {}
    assert study.trained == 5


def test_no_random_source_and_no_such_metric():
    with pytest.raises(WhydiffError, match="nothing varies") as caught:
        whydiff.study(SCRIPT, arguments=["fixed", "calm"], blocks=1)
    assert "shuffle=False" in str(caught.value)
    with pytest.raises(WhydiffError, match="auc") as caught:
        whydiff.study(SCRIPT, blocks=1, metric="auc")
    assert "val_accuracy" in caught.value.way_out


def test_fixed_factors_are_paired_by_seed(tmp_path):
    path = tmp_path / "a.whydiff"
    study = whydiff.study(
        SCRIPT, vary=["optimizer=adam,sgd", "batch-size=40"], blocks=2, engine="solo", output=path
    )
    assert study.worth == {} and study.failures == {}
    found = [(level.factor, level.value, level.against, level.shift.n) for level in study.levels]
    assert found == [("optimizer", "sgd", "adam", 2), ("batch-size", "40", "as written", 2)]
    stored = load_study(path)
    blocks = {k.member.block: k.member.replica.seeds for k in stored.kept.values() if k.member.base}
    for kept in stored.kept.values():
        if kept.member.replica.settings:
            assert kept.member.replica.seeds == blocks[kept.member.block]


LOCAL = """
import random
import keras, numpy as np, whydiff

def build():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model

x = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
study = whydiff.study(build, (x, x[:, :1]), epochs=2, blocks=2, engine="solo")
assert study.plan["attributed"] == ["initialization", "data-order"], study.plan
assert study.outcome.metric == "loss" and study.outcome.churn is None
assert study.outcome.distance.value > 0 and all(g.passed for g in study.gates), study.gates
before = random.getstate(), np.random.get_state()[1].copy()
again = whydiff.study(build, (x, x[:, :1]), vary="initialization", epochs=1, blocks=1)
assert again.trained == 3
try:
    whydiff.study(lambda: 7, x)
except whydiff.WhydiffError as error:
    assert "int, not a Keras model" in str(error)
print("done")
"""


def test_function_that_builds_a_model(tmp_path):
    done = subprocess.run([sys.executable, "-c", LOCAL], cwd=tmp_path, text=True,
                          capture_output=True)  # fmt: skip
    assert done.stdout == "done\n", done.stderr
    assert list(tmp_path.iterdir()) == []


def test_data_go_with_a_function_only():
    with pytest.raises(WhydiffError, match="belong to a function"):
        whydiff.study(SCRIPT, np.zeros(3))
    with pytest.raises(WhydiffError, match="no engine 'fast'"):
        whydiff.study(SCRIPT, engine="fast")
