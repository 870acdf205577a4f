"""``lock`` and ``verify`` on real trainings, as a person runs them, with planted changes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from whydiff.storage.lockfile import read_lock

pytestmark = pytest.mark.long

BACKENDS = ("jax", "tensorflow", "torch")
TRAIN = """
import os
import keras
import numpy as np

keras.utils.set_random_seed(int(os.environ.get("SEED", 7)))
rng = np.random.default_rng(0)
x = rng.normal(size=(256, 8)).astype("float32")
y = (x[:, 0] * x[:, 1] > 0).astype("int32")
model = keras.Sequential([
    keras.Input((8,)),
    keras.layers.Dense(16, activation="tanh"),
    keras.layers.Dropout(0.1),
    keras.layers.Dense(2, activation="softmax"),
])
model.compile(
    keras.optimizers.Adam(float(os.environ.get("RATE", 0.01))),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
    jit_compile=os.environ.get("JIT") == "1",
)
model.fit(x[:192], y[:192], epochs=int(os.environ.get("EPOCHS", 3)), batch_size=32, verbose=0,
          validation_data=(x[192:], y[192:]))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The lock of the unchanged training with JAX, made once."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "train.py").write_text(TRAIN)
    whydiff(folder, "lock", "train.py")
    return folder / "train.lock"


@pytest.fixture
def locked(folder, made):
    """A folder with the script and its lock."""
    shutil.copy(made, folder)
    shutil.copy(f"{made}.details", folder)
    return folder


def whydiff(folder, *words, backend="jax", code=0, **environment):
    """Run ``whydiff`` in ``folder``; stdout, once it exited with ``code``."""
    done = subprocess.run(
        [Path(sys.executable).with_name("whydiff"), *words],
        cwd=folder,
        env={**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1", **environment},
        text=True,
        capture_output=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def verify(folder, *words, code=0, **environment):
    words = ("verify", "train.py", "--no-explain", "--json", "-", *words)
    text = whydiff(folder, *words, code=code, **environment)
    return json.loads(text)


@pytest.mark.thorough
@pytest.mark.parametrize("backend", BACKENDS)
def test_an_unchanged_training_is_bit_identical_and_a_seed_is_seen(folder, backend):
    whydiff(folder, "lock", "train.py", backend=backend)
    answer = verify(folder, backend=backend)
    assert (answer["level"], answer["state"], answer["changed"]) == ("bitwise", "holds", [])
    assert answer["fits"][0]["distance"] == {"weights": 0.0, "predictions": 0.0}

    answer = verify(folder, backend=backend, code=1, SEED="8")
    fit = answer["fits"][0]
    assert answer["level"] == "different"
    assert fit["first_divergence"]["phase"] == "before training"
    assert fit["first_divergence"]["where"] == "dense/kernel"
    differing = {s["source"] for s in fit["sources"] if s["status"] == "differs"}
    assert {"initialization", "noise", "data-order"} == differing
    assert fit["amplification"] is None  # nothing to be measured: not rounding


@pytest.mark.thorough
# Torch compiles nothing here; on TensorFlow the level of this change is not settled yet.
@pytest.mark.parametrize("backend", ["jax"])
def test_other_execution_is_rounding_within_the_measured_amplification(folder, backend):
    whydiff(folder, "lock", "train.py", backend=backend)
    answer = verify(folder, "--require", "rounding", backend=backend, JIT="1")
    (fit,) = answer["fits"]
    assert answer["level"] == "rounding"
    assert any(fact.startswith("arithmetic") for fact in answer["changed"])
    assert fit["amplification"]["n"] == 5
    assert 0 < fit["amplification"]["weights"] < 1e-4
    assert 0 < fit["distance"]["weights"] < 1e-4
    # The stricter level does not hold.
    verify(folder, backend=backend, code=1, JIT="1")


def test_compiled_otherwise_is_rounding(locked):
    answer = verify(locked, "--require", "rounding", JIT="1")
    assert (answer["level"], answer["state"]) == ("rounding", "holds")


@pytest.mark.thorough
def test_relocking_an_unchanged_training_writes_the_same_bytes(locked):
    folder = locked
    text = (folder / "train.lock").read_text()
    whydiff(folder, "lock", "train.py", "-o", "again.lock")
    assert text == (folder / "again.lock").read_text()
    assert len(text) < 20_000
    assert str(folder) not in text
    assert max(map(len, text.splitlines())) < 300


def test_a_learning_rate_is_never_rounding_however_small_the_change(locked):
    words = ("verify", "train.py", "--require", "rounding", "--no-explain", "--json", "answer.json")
    text = whydiff(locked, *words, code=1, RATE="0.010000001")
    first, *rest = text.splitlines()  # the verdict comes first
    assert first.startswith("train.py is different from the training that was locked")
    assert "the optimizer" in text.partition("\n\n")[0]
    assert any(line.startswith("First divergence") for line in rest)
    (fit,) = json.loads((locked / "answer.json").read_text())["fits"]
    assert fit["levels"]["rounding"]["state"] == "fails"
    assert "optimizer" in fit["levels"]["rounding"]["why"]
    assert fit["distance"]["weights"] < 1e-4


def test_an_edited_version_is_named_though_the_bits_agree(locked):
    lock = locked / "train.lock"
    version = read_lock(lock).fits[0].facts["version"]["keras"]
    lock.write_text(lock.read_text().replace(f'"keras": "{version}"', '"keras": "3.1.4"'))
    answer = verify(locked)
    assert (answer["level"], answer["state"]) == ("bitwise", "holds")
    assert answer["fits"][0]["distance"] == {"weights": 0.0, "predictions": 0.0}
    assert any("3.1.4" in fact and version in fact for fact in answer["changed"])


@pytest.mark.thorough
def test_another_backend_is_named(locked):
    answer = verify(locked, backend="torch", code=1)
    assert answer["level"] == "different"
    assert any("jax" in fact and "torch" in fact for fact in answer["changed"])


@pytest.mark.thorough
def test_several_fits_and_arguments(folder):
    script = folder / "train.py"
    script.write_text(
        TRAIN.replace('os.environ.get("SEED", 7)', "__import__('sys').argv[1]")
        + "model.fit(x, y, epochs=1, batch_size=64 + 64 * ('JIT' in os.environ), verbose=0)\n"
    )
    whydiff(folder, "lock", "train.py", "--", "3")
    answer = verify(folder)  # with the arguments of the lock
    assert [fit["level"] for fit in answer["fits"]] == ["bitwise", "bitwise"]
    answer = verify(folder, "--", "4", code=1)
    assert answer["changed"][0] == "arguments: 3, now 4"
    # The second fit alone is cut otherwise, and the first rounds otherwise.
    answer = verify(folder, code=1, JIT="1")
    assert [fit["level"] for fit in answer["fits"]] == ["rounding", "different"]
    script.write_text(script.read_text().replace("model.fit(x, y, epochs=1", "print(x, y, (1)"))
    script.write_text(script.read_text().rpartition("print(")[0])
    answer = verify(folder, code=1)
    assert answer["missing"] == "2 fits are locked, 1 ran"


@pytest.mark.thorough
def test_another_seed_is_statistically_equal_and_another_rate_is_not(folder):
    whydiff(folder, "lock", "train.py", "--replicas", "6", EPOCHS="4")
    values = read_lock(folder / "train.lock").replicas[1].metrics["val_loss"]
    assert len(set(values)) == 6  # every replica is another training

    wanted = ("--require", "statistical", "--metric", "val_loss", "--margin", "0.3")
    answer = verify(folder, *wanted, EPOCHS="4", SEED="8")
    assert answer["level"] == "statistical"
    statistics = answer["fits"][0]["statistics"]
    assert statistics["n"] == [6, 6] and statistics["verdict"] == "equal"
    assert set(statistics["b"]).isdisjoint(values)  # and independent of those in the lock

    narrow = ("--require", "statistical", "--metric", "val_loss", "--margin", "0.0001")
    answer = verify(folder, *narrow, code=3, EPOCHS="4", SEED="8")
    assert answer["state"] == "unknown"

    answer = verify(folder, *wanted[:4], "--margin", "0.02", code=1, EPOCHS="4", RATE="1.0")
    assert answer["fits"][0]["statistics"]["verdict"] == "different"


def test_nothing_statistical_can_be_required_of_a_lock_without_replicas(locked):
    done = whydiff(locked, "verify", "train.py", "--require", "statistical", code=2)
    assert done == ""


SERVE = """
import os
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(1)])
print(model.predict(x * float(os.environ.get("SCALE", 1)), verbose=0).mean())
"""


def test_a_script_that_only_predicts_is_locked_by_its_predictions(tmp_path):
    (tmp_path / "serve.py").write_text(SERVE)
    whydiff(tmp_path, "lock", "serve.py")
    locked = read_lock(tmp_path / "serve.lock")
    assert [c.kind for c in locked.calls] == ["predict"] and not locked.fits
    same = whydiff(tmp_path, "verify", "serve.py")
    assert "bit-identical to what was locked" in same
    other = whydiff(tmp_path, "verify", "serve.py", "--no-explain", code=1, SCALE="2")
    assert "predict at line 9 gave other results" in other.replace("\n", " ")
