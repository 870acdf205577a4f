"""Whole scripts with pinned sources: what is pinned, what is told, what goes wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

import whydiff
from whydiff.core.plan import drawn_seed
from whydiff.core.replicas import Replica
from whydiff.experiments.study.process_pool import Limits, Pool, printed_numbers
from whydiff.runner.child.pinning import mixed
from whydiff.runner.client import Run
from whydiff.storage import load_study
from whydiff.testing import HANGS

SCRIPT = Path(__file__).parent.parent / "scripts" / "small_study.py"


@pytest.fixture(autouse=True)
def jax(monkeypatch):
    """Children train with JAX."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_printed_numbers(tmp_path):
    log = tmp_path / "log"
    log.write_text(
        "Epoch 1/2\nloss: 0.9 - accuracy: 0.1\rloss: 0.5 - accuracy: 0.25\n"
        "final loss: 1e-3, test_accuracy=0.91\nscore = nan\nversion: 1.2.3\nat 10:30 started\n"
        "I0000 00:00:1795569856.772559 5550 port.cc:153] one value: 7\n"
        "2026-11-25 01:22:49.1: I tensorflow/core.cc:1] other value: 7\n"
        "2026-11-25 01:22:49,123 INFO logged value: 8\n"
    )
    found = printed_numbers(log)
    assert (found["loss"], found["accuracy"]) == (0.5, 0.25)
    assert (found["final loss"], found["test_accuracy"]) == (0.001, 0.91)
    assert found["score"] != found["score"]
    assert any(name.endswith("logged value") for name in found)
    assert not {"version", "one value", "other value"} & set(found)
    assert printed_numbers(tmp_path / "none") == {}


PINNED = """
import sys
from whydiff.runner.child.pinning import pin
pin({seeds})
import random
assert "numpy" not in sys.modules
import numpy as np
print("python", random.random())
random.seed(1); print("python", random.random())
print("numpy", np.random.random())
np.random.seed(1); print("numpy", np.random.random())
print("numpy", np.random.default_rng().random())
print("explicit", np.random.default_rng(5).random())
import keras
print("initializer", keras.initializers.GlorotUniform().seed)
print("initializer", keras.initializers.GlorotUniform(seed=4).seed)
print("generator", keras.random.SeedGenerator().get_config()["seed"])
keras.utils.set_random_seed(9); print("numpy", np.random.random())
"""


def printed(seeds):
    code = PINNED.replace("{seeds}", repr(seeds))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    return {kind: [v for k, v in lines if k == kind] for kind, _ in lines}


@pytest.mark.long
def test_each_source_has_its_own_seed_and_nothing_else_changes():
    one = {"initialization": 1, "data-order": 1, "noise": 1}
    base = printed(one)
    other = printed({**one, "initialization": 2})
    assert not set(base["initializer"]) & set(other["initializer"])
    assert {**base, "initializer": 0} == {**other, "initializer": 0}
    other = printed({**one, "data-order": 2})
    for kind in ("python", "numpy"):
        assert not set(base[kind]) & set(other[kind])
    for kind in ("explicit", "initializer", "generator"):
        assert base[kind] == other[kind]


def test_mixed_seeds_are_spread_and_stable():
    assert len({mixed(a, b) for a in range(40) for b in range(40)}) == 1600
    assert mixed(1, 2) != mixed(2, 1) and mixed(None, 2) == mixed(None, 2)
    assert all(0 < mixed(a, 7) < 2**31 for a in range(100))


def replica(number, **seeds):
    return Replica(number, {"initialization": 1, "data-order": 1, "noise": 1, **seeds})


@pytest.mark.thorough
def test_hand_written_loop_is_studied_as_a_whole(tmp_path):
    path = tmp_path / "a.whydiff"
    study = whydiff.study(
        SCRIPT, arguments=["loop"], vary="initialization", blocks=2, metric="final loss",
        output=path, workers=2,
    )  # fmt: skip
    assert study.engine == "process" and study.trained == 5 and study.failures == {}
    assert study.outcome.metric == "final loss" and study.outcome.low < study.outcome.high
    gates = {g.name: g.passed for g in study.gates}
    assert gates["training the same replica again gives the same result"] is True


@pytest.mark.thorough
def test_fit_in_a_process_keeps_predictions_and_weights(tmp_path):
    path = tmp_path / "a.whydiff"
    study = whydiff.study(
        SCRIPT, vary="initialization", blocks=1, engine="process", output=path, workers=2
    )
    stored = load_study(path)
    assert study.engine == "process" and study.trained == 3 and study.failures == {}
    assert all(k.result.predictions[0].shape == (40, 1) for k in stored.kept.values())
    assert stored.distances[1, 2] > 0
    assert stored.kept[1].result.digest == stored.kept[3].result.digest  # base and replicate
    assert len(stored.kept[1].result.logs) == 2 and study.outcome.metric == "val_accuracy"


@pytest.mark.long
def test_pool_repeats_fails_and_stops(tmp_path):
    seeds = [drawn_seed(0, block, "data-order") for block in range(2)]
    pool = Pool(Run(SCRIPT, ("loop", "fail")), tmp_path, Limits(None, HANGS, 2))
    results = pool.train([replica(i + 1, **{"data-order": s}) for i, s in enumerate(seeds)])
    for result in results:
        assert result.failure in ("", "exited with 1: out of luck")
        assert bool(result.logs) != bool(result.failure) and result.seconds > 0
    assert list(tmp_path.iterdir()) == []

    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text("import time\nprint('loss: 1.0', flush=True)\ntime.sleep(10**7)\n")
    (late,) = Pool(Run(sleeper), tmp_path, Limits(None, 2.0, 1)).train([replica(1)])
    assert late.failure == "stopped after the time limit of 2 s"


@pytest.mark.long
@pytest.mark.parametrize("engine", ["auto", "process"])
def test_a_script_that_hangs_at_once_is_stopped(tmp_path, engine):
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text("import time\ntime.sleep(10**7)\n")
    with pytest.raises(whydiff.WhydiffError, match="stopped after the time limit of 2 s"):
        whydiff.study(sleeper, engine=engine, time_limit=2.0)


@pytest.mark.long
def test_script_that_tells_nothing_is_refused(tmp_path):
    silent = tmp_path / "silent.py"
    silent.write_text("print('hello')\n")
    with pytest.raises(whydiff.WhydiffError, match="nor prints a number"):
        whydiff.study(silent)
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit(3)\n")
    with pytest.raises(whydiff.WhydiffError, match="exited with 3"):
        whydiff.study(broken, engine="process")
    with pytest.raises(whydiff.WhydiffError, match="cannot be set to optimizer"):
        whydiff.study(silent, engine="process", vary="optimizer=adam,sgd")
