"""The examples do what their first lines say, recorded and explained as a person would.

Runs against the pinned versions (``make test``); ``make versions`` tries others. Each example runs
on one backend; ``make thorough`` tries the others.
Fashion-MNIST needs data of its own: ``make fashion``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import whydiff

pytestmark = pytest.mark.long

ROOT = Path(__file__).parent.parent


def run(folder, backend, *arguments):
    """Run ``whydiff`` as installed beside this Python; its output, once it succeeded."""
    command = Path(sys.executable).with_name("whydiff")
    # One thread: these models are tiny, and several tests share the cores.
    environment = {**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [command, *arguments],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def explain(folder, backend, name, *options):
    script = ROOT / "examples" / f"{name}.py"
    run(folder, backend, "explain", script, "--json", "answer.json", *options)
    answer = json.loads((folder / "answer.json").read_text())
    assert answer["identical"] is False
    assert answer["compared"]["between"] == "fits"
    assert answer["unexplained"] == 0
    assert {cause["status"] for cause in answer["causes"]} == {"confirmed"}
    return answer, {cause["source"] for cause in answer["causes"]}


def test_two_models_that_were_only_built_are_compared_as_built(tmp_path):
    script = ROOT / "examples" / "built_only.py"
    run(tmp_path, "tensorflow", "explain", script, "--no-fix", "--json", "a.json")
    answer = json.loads((tmp_path / "a.json").read_text())
    sides = [answer["compared"][side] for side in ("a", "b")]
    assert [side["call"] for side in sides] == ["built", "built"]
    assert [side["text"] for side in sides] == ["model = keras.Sequential("] * 2
    assert sides[0]["line"] + 1 == sides[1]["line"]  # where each was asked for
    (cause,) = answer["causes"]
    assert (cause["source"], cause["status"], cause["share"]) == ("initialization", "confirmed", 1)
    for seed in (42, 43):  # the seeds that the script sets, and what is wrong with them
        assert f"tensorflow.random.set_seed({seed}) do not reach" in cause["detail"]


#: The code of the question this project grew from, letter by letter: its examples stand alone
#: but for the model building code and the data, which the later ones refer to.
BUILDING = """\
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras.layers import Dense

def build_model(seed):
    np.random.seed(seed)
    tf.random.set_seed(seed)
    model = keras.Sequential([
        Dense(128, activation='relu', input_shape=(10,)),
        Dense(1, activation='sigmoid')
    ])
    model.compile(optimizer='adam', loss='binary_crossentropy', metrics=['accuracy'])
    return model

# Different seeds lead to different weight initializations
model1 = build_model(42)
model2 = build_model(43)

#Even with the same data, models will likely perform differently.
#Demonstrates the impact of the initial weight configuration
#Further analysis might require multiple runs and statistical tests.
"""
DATA = """
# Generate synthetic data
X = np.random.rand(1000, 10)
y = np.random.randint(0, 2, 1000)
"""
SHUFFLING = """
# Train with and without shuffling
model_shuffled = build_model(42)
model_unshuffled = build_model(42)

model_shuffled.fit(X, y, epochs=10, shuffle=True)
model_unshuffled.fit(X, y, epochs=10, shuffle=False)

# Compare model performance (e.g., accuracy)
#Results likely show differences because of the order the data was presented.
"""
OPTIMIZERS = """
from tensorflow.keras.optimizers import Adam, SGD
#Different optimizers with different parameters are known to cause varying outputs.
model_adam = build_model(42)
model_sgd = build_model(42)

model_adam.compile(optimizer=Adam(learning_rate=0.001), loss='binary_crossentropy', metrics=['accuracy'])
model_sgd.compile(optimizer=SGD(learning_rate=0.01), loss='binary_crossentropy', metrics=['accuracy'])

model_adam.fit(X, y, epochs=10)
model_sgd.fit(X, y, epochs=10)
"""  # noqa: E501


@pytest.mark.parametrize(
    ("backend", "code", "between", "wanted"),
    [
        pytest.param(  # examples/built_only.py asks the same
            "jax", BUILDING, "calls", {"initialization"}, marks=pytest.mark.thorough
        ),
        pytest.param(
            "torch", BUILDING + DATA + SHUFFLING, "fits", {"initialization", "data-order"},
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            "tensorflow", BUILDING + DATA + OPTIMIZERS, "fits", {"initialization", "optimizer"},
            marks=pytest.mark.thorough,
        ),
    ],
)  # fmt: skip
def test_the_examples_of_the_question_run_as_they_stand(tmp_path, backend, code, between, wanted):
    (tmp_path / "example.py").write_text(code)
    run(tmp_path, backend, "explain", "example.py", "--no-fix", "--json", "a.json")
    answer = json.loads((tmp_path / "a.json").read_text())
    assert answer["compared"]["between"] == between
    causes = {cause["source"]: cause["status"] for cause in answer["causes"]}
    assert wanted <= set(causes) <= wanted | {"data-order"}
    assert set(causes.values()) == {"confirmed"}


def test_weight_initialization_is_the_only_cause_and_gets_a_fix(tmp_path):
    answer, causes = explain(tmp_path, "jax", "weight_initialization")
    assert causes == {"initialization"}
    assert answer["first_divergence"]["phase"] == "before training"
    assert answer["remedy"]["verified"] is True
    assert "set_random_seed" in answer["remedy"]["patch"]


@pytest.mark.parametrize(
    "backend",
    [
        "torch",
        pytest.param("jax", marks=pytest.mark.thorough),
        pytest.param("tensorflow", marks=pytest.mark.thorough),
    ],
)
def test_shuffling_is_not_the_only_cause(tmp_path, backend):
    """The seeds it sets do not reach the initializers."""
    answer, causes = explain(tmp_path, backend, "shuffling", "--no-fix")
    assert causes == {"initialization", "data-order"}
    assert answer["first_divergence"]["phase"] == "before training"


def test_optimizer_is_not_the_only_cause(tmp_path):
    _, causes = explain(tmp_path, "tensorflow", "optimizer", "--no-fix")
    assert (
        {"optimizer", "initialization"} <= causes <= {"optimizer", "initialization", "data-order"}
    )


def test_unseeded_differs_in_everything_random_and_the_fix_mends_all_of_it(tmp_path):
    run(tmp_path, "jax", "explain", ROOT / "examples" / "unseeded.py", "--json", "answer.json")
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["compared"]["between"] == "runs"
    causes = {cause["source"]: cause["status"] for cause in answer["causes"]}
    random = ("initialization", "data-order", "noise", "data-content")
    assert causes == dict.fromkeys(random, "confirmed")
    assert answer["remedy"]["verified"] is True
    assert "default_rng(0)" in answer["remedy"]["patch"]


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("tf_data_pipeline", "tensorflow"),
        ("subclassed_model", "torch"),
        ("callbacks", "jax"),
        pytest.param("tf_data_pipeline", "torch", marks=pytest.mark.thorough),
        pytest.param("subclassed_model", "jax", marks=pytest.mark.thorough),
        pytest.param("callbacks", "tensorflow", marks=pytest.mark.thorough),
    ],
)
def test_example_is_recorded(tmp_path, name, backend):
    run(tmp_path, backend, "record", ROOT / "examples" / f"{name}.py", "-o", "a.whydiff")
    fits = whydiff.load(tmp_path / "a.whydiff").fits
    assert [fit.index for fit in fits] == [1, 2]
    assert all(fit.final is not None for fit in fits)
    run(tmp_path, backend, "show", "a.whydiff")


@pytest.mark.thorough
def test_locked_is_bit_identical_until_it_is_changed(tmp_path):
    run(tmp_path, "jax", "lock", ROOT / "examples/locked.py", "-o", "a.lock")
    text = run(tmp_path, "jax", "verify", ROOT / "examples/locked.py", "--lock", "a.lock")
    assert "is bit-identical to the training that was locked" in text


def test_every_example_is_tested_here_or_by_make_fashion():
    tested = {"built_only", "weight_initialization", "shuffling", "optimizer", "unseeded"}
    tested |= {"tf_data_pipeline", "subclassed_model", "callbacks", "locked"}
    tested |= {"fashion_mnist", "fashion_mnist_long"}
    tested |= {"upgraded"}  # tests/api/test_versions.py
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == tested
