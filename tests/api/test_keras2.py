"""Keras 2 (`tf_keras`) is watched as Keras 3 is, and each takes over the other's arrays."""

import importlib.util
import subprocess
import sys
from importlib.metadata import version

import pytest

import whydiff
from whydiff.core.findings import CONFIRMED, SUSPECTED
from whydiff.core.recording import Side
from whydiff.diagnosis.sources import compare_all
from whydiff.runner.environments import uv_command

pytestmark = pytest.mark.thorough

SCRIPT = """\
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
import {package} as keras
import numpy as np

keras.utils.set_random_seed({seed})
rng = np.random.default_rng(0)
x = rng.normal(size=(100, 8)).astype("float32")
y = (x[:, 0] > 0).astype(int)
inputs = keras.Input((8,))
hidden = keras.layers.Dense(16, "relu", kernel_regularizer="l2")(inputs)
hidden = keras.layers.BatchNormalization()(hidden)
hidden = keras.layers.Dropout(0.2)(hidden)
joined = keras.layers.Concatenate()([hidden, inputs])
model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(joined))
model.compile({optimizer}, "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, batch_size=32, verbose=0, validation_data=(x[:40], y[:40]))
print([round(float(abs(w).sum()), 6) for w in model.get_weights()])
"""


@pytest.fixture(scope="module")
def keras_2(tmp_path_factory):
    """A folder with the tf_keras that belongs to the TensorFlow that is installed."""
    folder = tmp_path_factory.mktemp("tf_keras")
    series = ".".join(version("tensorflow-cpu").split(".")[:2])
    install = ["pip", "install", "-q", "--no-deps", "--target", str(folder)]
    subprocess.run([*uv_command(), *install, f"tf_keras=={series}.*"], check=True)
    return folder


@pytest.fixture
def written(tmp_path, monkeypatch, keras_2):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(keras_2))

    def write(package, seed=1, optimizer='"adam"'):
        path = tmp_path / f"{package}_{seed}.py"
        path.write_text(SCRIPT.format(package=package, seed=seed, optimizer=optimizer))
        return path

    return write


def printed(path):
    done = subprocess.run([sys.executable, str(path)], text=True, capture_output=True, check=True)
    return done.stdout


def test_what_is_recorded_ends_as_it_does_alone_and_reads_like_keras_3(written, tmp_path):
    scripts = [
        written("tf_keras"),
        written("keras", optimizer="keras.optimizers.Adam(epsilon=1e-5)"),
    ]
    recordings = []
    for path in scripts:
        file = tmp_path / f"{path.stem}.whydiff"
        command = [sys.executable, "-m", "whydiff", "record", str(path), "-o", str(file)]
        done = subprocess.run(command, text=True, capture_output=True, check=True)
        assert done.stdout == printed(path)
        recordings.append(whydiff.load(file))
    sides = [Side(one, one.fits[0]) for one in recordings]
    findings = {finding.source: finding for finding in compare_all(*sides)}
    # Keras 3's Dropout draws a seed of its own, so the layer behind it gets another.
    assert findings["initialization"].evidence.startswith("1 of 8 weight tensors differ")
    differing = {source for source, finding in findings.items() if finding.status == "differs"}
    assert differing == {"initialization", "data-order", "noise", "optimizer", "version"}
    assert findings["optimizer"].evidence == "epsilon: 1e-07 vs. 1e-05"
    assert sides[0].recipe.version["keras"].startswith("2.")
    assert len(sides[0].fit.steps) == len(sides[1].fit.steps) == 8


def test_weights_order_and_data_are_transferred_and_the_rest_is_the_version(written, monkeypatch):
    monkeypatch.delenv("PYTHONPATH")
    series = ".".join(version("tensorflow-cpu").split(".")[:2])
    found = whydiff.explain(
        written("tf_keras", seed=1),
        written("keras", seed=2),
        a_packages=[f"tf_keras=={series}.0"],
        fix=False,
    )
    assert importlib.util.find_spec("tf_keras") is None  # the environment is another one
    assert found.reproduced and found.unexplained == 0.0
    status = {cause.source: cause.status for cause in found.causes}
    assert status == {
        "initialization": CONFIRMED,
        "data-order": CONFIRMED,
        "version": CONFIRMED,
        "noise": SUSPECTED,
    }
    causes = {cause.source: cause for cause in found.causes}
    assert "cannot be transferred" in causes["noise"].evidence
    shares = [cause.share for cause in found.causes if cause.share is not None]
    assert sum(shares) == pytest.approx(1.0)


def test_the_only_keras_there_may_be_keras_2(tmp_path, monkeypatch):
    """TensorFlow up to 2.15 brings it, and nothing of Keras 3."""
    monkeypatch.chdir(tmp_path)
    python = tmp_path / "old" / "bin" / "python"
    subprocess.run([*uv_command(), "venv", "-q", "-p", sys.executable, "old"], check=True)
    install = ["pip", "install", "-q", "-p", str(python), "tensorflow-cpu==2.15.1"]
    subprocess.run([*uv_command(), *install], check=True)
    text = SCRIPT.format(package="keras", seed=1, optimizer='"adam"')
    for name, other in (("old.py", "tensorflow.keras"), ("new.py", "keras")):
        (tmp_path / name).write_text(
            text.replace("import keras as keras", f"import {other} as keras")
        )
    found = whydiff.explain("old.py", "new.py", a_python=python, fix=False)
    assert found.reproduced and found.unexplained == 0.0
    status = {cause.source: cause.status for cause in found.causes}
    assert status["data-order"] == status["version"] == CONFIRMED


MEASURING = """\
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
import {package} as keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(20, 6, 6, 2)).astype("float32")
y = (x[:, 0, 0, 0] > 0).astype(int)
model = keras.Sequential(
    [
        keras.layers.Input((6, 6, 2)),
        keras.layers.Conv2D(4, 3, padding="same", activation={activation!r}),
        keras.layers.BatchNormalization(),
        keras.layers.Flatten(),
        keras.layers.Dense(2, "softmax"),
    ]
)
model.set_weights([abs(rng.normal(size=w.shape)) / 5 + 0.1 for w in model.get_weights()])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
{training}
print(model.evaluate(x, y, batch_size=8, verbose=0))
print(float(np.asarray(model(x[:4])).sum()), model.predict_on_batch(x[:3]).sum())
print(model.predict(x, batch_size=8, verbose=0).sum())
"""


@pytest.fixture
def measuring(tmp_path, monkeypatch, keras_2):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(keras_2))

    def write(package, activation="relu", training=""):
        path = tmp_path / f"{package}_{activation}.py"
        settings = {"package": package, "activation": activation, "training": training}
        path.write_text(MEASURING.format(**settings))
        return path

    return write


def test_calls_that_measure_and_loops_end_as_they_do_alone(measuring, tmp_path):
    loop = """
import tensorflow as tf
import whydiff

print(model.train_on_batch(x[:8], y[:8]), model.train_on_batch(x[8:16], y[8:16]))
optimizer = keras.optimizers.SGD(0.1)

@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, model(x)))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss

with whydiff.watch(model, optimizer=optimizer) as watched:
    for _ in range(3):
        print(float(watched.step(step, x[:8], y[:8])))
model.save_weights("w.weights.h5")
model.load_weights("w.weights.h5")
"""
    path, file = measuring("tf_keras", training=loop), tmp_path / "a.whydiff"
    command = [sys.executable, "-m", "whydiff", "record", str(path), "-o", str(file)]
    done = subprocess.run(command, text=True, capture_output=True, check=True)
    assert done.stdout == printed(path)
    recorded = whydiff.load(file)
    assert [len(fit.steps) for fit in recorded.fits] == [2, 3]
    assert [call.kind for call in recorded.calls] == ["evaluate", "call", "predict", "predict"]
    whole = recorded.calls[-1]
    assert [len(leaf.rows) for leaf in whole.recipe.inputs.leaves] == [20]
    assert list(whole.recipe.inputs.batches) == [8, 8, 4]
    assert {origin.text for origin in whole.recipe.origins} == {"file w.weights.h5"}
    assert set(recorded.calls[0].values) == {"loss", "accuracy"}
    assert whole.recipe.version["keras"].startswith("2.")


def test_the_first_layer_that_answers_otherwise_is_named(measuring):
    scripts = [measuring(package, "hard_sigmoid") for package in ("tf_keras", "keras")]
    found = whydiff.explain(*scripts, fix=False)
    (cause,) = found.causes
    assert found.reproduced and found.unexplained == 0.0
    assert (cause.source, cause.status, cause.alone) == ("version", CONFIRMED, 1.0)
    assert "conv2d (Conv2D) is the first layer to answer otherwise on equal input" in cause.detail
    assert "activation hard_sigmoid of -2.5: 0 vs. 0.08333" in cause.detail


def test_two_kerases_that_round_otherwise_differ_in_no_layer(measuring):
    scripts = [measuring(package) for package in ("tf_keras", "keras")]
    found = whydiff.explain(*scripts, fix=False)
    assert found.identical or all("first layer" not in cause.detail for cause in found.causes)


def test_two_fits_of_keras_2_are_explained_in_their_own_process(written, tmp_path):
    text = written("tf_keras").read_text()
    head, model = text.split("inputs = ")
    path = tmp_path / "two.py"
    path.write_text(f"{head}inputs = {model}inputs = {model}")
    found = whydiff.explain(path, fix=False)
    assert found.reproduced
    assert {c.source: c.status for c in found.causes}["initialization"] == CONFIRMED


def test_an_order_of_steps_that_keras_2_cannot_repeat_is_no_proof(written, tmp_path):
    """Generators of an unseeded program start from anything: then nothing is confirmed."""
    text = written("tf_keras").read_text().replace("keras.utils.set_random_seed(1)\n", "")
    path = tmp_path / "unseeded.py"
    path.write_text(text)
    found = whydiff.explain(path, runs=True, fix=False)
    assert not found.reproduced
    assert all(cause.status == SUSPECTED for cause in found.causes)


LOOP = """\
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
import {package} as keras
import numpy as np
import tensorflow as tf
import whydiff

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(48, 8)).astype("float32") * {scale}
y = (x[:, 0] > 0).astype("int32")
model = keras.Sequential(
    [keras.layers.Input((8,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2, "softmax")]
)
optimizer = keras.optimizers.SGD({rate})
loss_of = keras.losses.SparseCategoricalCrossentropy()


@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        loss = loss_of(y, model(x, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss


with whydiff.watch(model, optimizer=optimizer) as watched:
    for at in range(0, 48, 16):
        watched.step(step, x[at : at + 16], y[at : at + 16])
"""


def test_a_loop_of_keras_2_is_compared_with_one_of_keras_3(written, tmp_path):
    scripts = []
    for name, settings in (
        ("old", {"package": "tf_keras", "scale": 1, "rate": 0.1}),
        ("new", {"package": "keras", "scale": 1, "rate": 0.1}),
        ("other", {"package": "keras", "scale": 2, "rate": 0.2}),
    ):
        scripts.append(tmp_path / f"{name}.py")
        scripts[-1].write_text(LOOP.format(**settings))
    old, new, other = scripts
    assert whydiff.explain(old, new, fix=False).identical
    found = whydiff.explain(old, other, fix=False)
    assert found.reproduced
    status = {cause.source: (cause.status, cause.detail) for cause in found.causes}
    assert set(status) == {"data-content", "optimizer"}
    assert status["data-content"][0] == CONFIRMED and "other.py:10" in status["data-content"][1]
    assert status["optimizer"][0] == SUSPECTED  # it stays with the Keras that trains
    assert "learning_rate: 0.1 vs. 0.2 (old.py:15: " in status["optimizer"][1]
