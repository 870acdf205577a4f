"""Real trainings compared, through the command line, on scripts written as people write them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BACKENDS = ("jax", "tensorflow", "torch")

TRAIN = """
import os, sys
import numpy as np
import keras

rng = np.random.default_rng(0)
x = rng.normal(size=(360, 8)).astype("float32")
y = (x @ rng.normal(size=(8, 3)) + rng.normal(size=(360, 3))).argmax(axis=1)
rate = float(os.environ.get("RATE", sys.argv[1] if len(sys.argv) > 1 else "0.01"))
model = keras.Sequential([
    keras.layers.Dense(16, activation="relu"),
    keras.layers.Dropout(0.2),
    keras.layers.Dense(3, activation="softmax"),
])
model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:256], y[:256], epochs=3, validation_data=(x[256:], y[256:]), verbose=0)
"""

TWO_FITS = """
import numpy as np
import keras

rng = np.random.default_rng(0)
x = rng.normal(size=(256, 6)).astype("float32")
y = 2 * x[:, :1] + np.sin(x[:, 1:2])
for units in (2, 64):
    model = keras.Sequential([keras.layers.Dense(units, activation="tanh"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    model.fit(x, y, epochs=3, verbose=0)
"""

LOOP = """
import os
import numpy as np
import keras

x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
y = (x[:, :1] + x[:, 1:2] > 0).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(float(os.environ.get("RATE", "0.5"))),
              keras.losses.BinaryCrossentropy(from_logits=True))
for step in range(40):
    chosen = np.random.permutation(200)[:32]
    model.train_on_batch(x[chosen], y[chosen])
print("accuracy:", float(np.mean((model.predict_on_batch(x) > 0) == y)))
"""

FUNCTIONS = """
import numpy as np
import keras
import whydiff

rng = np.random.default_rng(0)
x = rng.normal(size=(256, 6)).astype("float32")
y = 2 * x[:, :1]

def built(rate):
    model = keras.Sequential([keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(rate), "mse")
    return model

def slow():
    return built(0.0001)

def quick():
    return built(0.05)

found = whydiff.compare(slow, quick, (x, y), epochs=3, max_pairs=20, engine="solo")
assert found.verdict == "better" and found.effect.high < 0, found
assert found.question == "Is quick (B) better than slow (A)?"
assert found.meets("better") and found.churn.measure == "distance"
found = whydiff.compare(slow, data=(x, y), settings={"learning-rate": 0.05}, epochs=3)
assert found.verdict == "better" and found.b.what == "slow with learning-rate=0.05"
print("all there")
"""


def execute(folder, *command, backend="jax"):
    environment = {**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command,
        cwd=folder,
        env={**environment, "TF_CPP_MIN_LOG_LEVEL": "3"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def compare(folder, *arguments, backend="jax", expected=0):
    """Exit code checked, JSON and text returned."""
    whydiff = Path(sys.executable).with_name("whydiff")
    done = execute(folder, whydiff, "compare", *arguments, "--json", "answer.json", backend=backend)
    assert done.returncode == expected, done.stdout
    answer = folder / "answer.json"
    return (json.loads(answer.read_text()) if answer.exists() else None), " ".join(
        done.stdout.split()
    )


@pytest.fixture
def folder(tmp_path):
    for name, text in {"train": TRAIN, "two_fits": TWO_FITS, "loop": LOOP}.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


@pytest.mark.long
def test_a_clearly_worse_learning_rate(folder):
    found, told = compare(
        folder, "train.py", "--set", "learning-rate=0.0001", "--expect", "equivalent", expected=1
    )
    assert found["verdict"] == "worse" and found["metric"] == "val_accuracy"
    assert found["effect"]["high"] < 0 and found["effect"]["n"] == len(found["pairs"])
    assert 7 <= len(found["pairs"]) <= 20  # it stops as soon as it is clear
    assert found["probability"]["value"] < 0.1
    assert found["churn"]["measure"] == "classes" and found["churn"]["p"] < 0.05
    assert all(gate["passed"] for gate in found["gates"])
    assert {p["b"] < p["a"] for p in found["pairs"]} == {True}
    seeds = [tuple(p["seeds"].items()) for p in found["pairs"]]
    assert len(set(seeds)) == len(seeds)
    assert set(found["pairs"][0]["seeds"]) == {"initialization", "data-order", "noise"}
    assert "B is worse than A: its val_accuracy is lower by" in told
    assert "switching changed predictions more than reseeding does" in told


@pytest.mark.long
def test_a_small_cap_leaves_it_open_and_says_how_many_pairs_are_missing(folder):
    found, told = compare(
        folder, "train.py", "--set", "learning-rate=0.0105", "--max-pairs", "3",
        "--engine", "solo", "--margin", "0.05", "--expect", "equivalent", expected=3,
    )  # fmt: skip
    assert found["verdict"] == "inconclusive" and found["stopped"] == "cap"
    assert len(found["pairs"]) == 3 and found["more"] >= 7
    assert "Not settled after 3 pairs" in told and "No verdict is possible before 7" in told
    assert "switching changed predictions no more than reseeding does" in told


@pytest.mark.thorough
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_script_twice_is_equivalent(folder, backend):
    found, told = compare(
        folder, "train.py", "train.py", "--margin", "0.01", "--expect", "equivalent",
        "--engine", "solo", "--alpha", "0.5", backend=backend,
    )  # fmt: skip
    # After 14 pairs that never differ at most 5 % of them can, at this alpha.
    assert found["verdict"] == "equivalent" and len(found["pairs"]) == 14
    assert found["identical"] is True, "equal seeds have to give equal bits in two processes"
    assert found["effect"]["value"] == 0 and found["unseen"] <= 0.05
    assert found["churn"]["switched"]["value"] == 0
    assert found["churn"]["within"] > 0  # other seeds do differ
    assert "A and B are the same training" in told


@pytest.mark.thorough
@pytest.mark.parametrize("backend", BACKENDS)
def test_environments_make_two_runs(folder, backend):
    found, _ = compare(
        folder, "train.py", "--b-env", "RATE=0.0001", "--expect", "better", backend=backend,
        expected=1,
    )  # fmt: skip
    assert found["verdict"] == "worse"
    assert found["b"]["what"] == "train.py with RATE=0.0001"


@pytest.mark.thorough
def test_arguments_make_two_runs_and_a_loss_that_grows_is_worse(folder):
    found, _ = compare(folder, "train.py", "--b-args", "0.0001", "--metric", "val_loss")
    assert found["b"]["what"] == "train.py 0.0001"
    assert found["verdict"] == "worse" and found["effect"]["low"] > 0
    assert found["larger_is_better"] is False


@pytest.mark.thorough
def test_two_fits_of_one_script_without_validation_or_noise(folder):
    found, told = compare(folder, "two_fits.py", "--fits", "1,2", "--expect", "better")
    assert found["a"]["what"] == "fit 1 of two_fits.py"
    assert found["verdict"] == "better" and found["metric"] == "mae"
    assert found["churn"]["measure"] == "distance"
    assert "Not redrawn" in told and "noise" in found["a"]["kept"]


@pytest.mark.thorough
def test_runs_that_diverge_are_worse_and_said_to_have_diverged(folder):
    found, told = compare(
        folder, "two_fits.py", "--fits", "2,2", "--set", "optimizer=sgd",
        "--set", "learning-rate=1e9",
    )  # fmt: skip
    assert found["verdict"] == "worse" and found["effect"]["value"] is None
    assert found["b"]["diverged"]["value"] == 1 and found["a"]["diverged"]["value"] == 0
    assert "7 of 7 of its runs diverged" in told


@pytest.mark.thorough
def test_a_loop_without_fit_is_run_as_a_whole(folder):
    found, told = compare(
        folder, "loop.py", "--b-env", "RATE=0.00001", "--metric", "accuracy", "--mode", "max",
        "--max-pairs", "2", expected=3,
    )  # fmt: skip
    assert found["a"]["engine"] == found["b"]["engine"] == "process"
    assert all(pair["b"] < pair["a"] for pair in found["pairs"])
    assert len({pair["a"] for pair in found["pairs"]}) == 2  # its unseeded sources are redrawn
    assert found["churn"] is None and "Predictions are not compared" in told
    _, told = compare(folder, "loop.py", "--set", "optimizer=adam", expected=2)
    assert "cannot be set to optimizer" in told


@pytest.mark.thorough
def test_functions_that_build_models(folder):
    done = execute(folder, sys.executable, "-c", FUNCTIONS)
    assert done.returncode == 0 and "all there" in done.stdout, done.stdout


@pytest.mark.thorough
@pytest.mark.parametrize(
    "arguments, message",
    [
        (("train.py", "two_fits.py"), None),
        (("train.py", "--set", "optimizer=sdg"), "no replica of B could be trained"),
        (("train.py", "--set", "batch-size=8", "--metric", "auc"), "auc"),
    ],
)
def test_trouble(folder, arguments, message):
    if message is None:  # both log a loss, of other data and another kind: said, not refused
        found, told = compare(
            folder, *arguments, "--metric", "loss", "--max-pairs", "2", expected=3
        )
        assert found["warnings"] and "another scale" in told and found["churn"] is None
        return
    _, told = compare(folder, *arguments, expected=2)
    assert message in told and "Traceback" not in told
