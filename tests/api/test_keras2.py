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
