"""Scripts for TensorFlow and torch, their replicas trained together on JAX."""

import numpy as np
import pytest

import whydiff
from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.recipe import Content
from whydiff.experiments.study.on_jax import places

SCRIPT = """
import os
os.environ["KERAS_BACKEND"] = "{backend}"
import keras
import numpy as np

generator = np.random.default_rng(0)
x = generator.normal(size=(96, 6)).astype("float32")
y = (x[:, :1] + x[:, 1:2] > 0).astype("float32")
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, activation={activation}),
                          {extra}keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit({data}, epochs=2, verbose=0, validation_data=(x[:32], y[:32]))
"""
ARRAYS = "x, y, batch_size=16"
#: Shuffled by tf.data's own seed: the samples come in another order in every run.
STREAM = "__import__('tensorflow').data.Dataset.from_tensor_slices((x, y)).shuffle(96).batch(16)"


def script(tmp_path, backend, data=ARRAYS, activation="'relu'", extra=""):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT.format(backend=backend, data=data, activation=activation, extra=extra))
    return path


@pytest.mark.long
@pytest.mark.parametrize(
    ("backend", "data"),
    [
        ("torch", ARRAYS),
        pytest.param("tensorflow", ARRAYS, marks=pytest.mark.thorough),
        pytest.param("tensorflow", STREAM, marks=pytest.mark.thorough),
        pytest.param("torch", STREAM, marks=pytest.mark.thorough),
    ],
)
def test_replicas_on_jax_are_the_replicas_of_the_scripts_own_backend(tmp_path, backend, data):
    study = whydiff.study(script(tmp_path, backend, data), blocks=3, engine="fused")
    assert study.backend == backend and study.engine == "fused"
    assert [g for g in study.gates if g.passed is not True] == [] and not study.failures
    # The same initial values in the same order: run by run, though by two backends.
    assert study.agreement.n == 4 and study.agreement.rounding
    assert any("trains the same on JAX" in note for note in study.notes)


@pytest.mark.long
def test_code_of_the_backends_own_is_not_translated(tmp_path):
    path = script(tmp_path, "torch", activation="lambda t: __import__('torch').relu(t)")
    with pytest.raises(WhydiffError, match="trains on torch and cannot be studied on JAX"):
        whydiff.study(path, blocks=2, engine="fused")


@pytest.mark.thorough
def test_a_training_that_is_another_one_on_jax_is_not_studied_there(tmp_path):
    width = "keras.layers.Dense(5 if keras.backend.backend() == 'jax' else 6), "
    path = script(tmp_path, "torch", extra=width)
    with pytest.raises(WhydiffError, match="architecture differs"):
        whydiff.study(path, blocks=2, engine="fused")


@pytest.mark.thorough
def test_sources_that_are_kept_are_those_of_the_scripts_own_run(tmp_path):
    with pytest.raises(WhydiffError, match="own data-order is another one there"):
        whydiff.study(script(tmp_path, "torch"), vary="initialization", blocks=2, engine="fused")


@pytest.mark.thorough
def test_compare_trains_pairs_on_jax(tmp_path):
    found = whydiff.compare(
        script(tmp_path, "tensorflow"),
        settings={"optimizer": "sgd"},
        engine="fused",
        max_pairs=8,
    )
    assert {found.a.engine, found.b.engine} == {"fused"}
    gate = next(g for g in found.gates if "agrees with the engine" in g.name)
    assert gate.passed and "run by run" in gate.evidence


def content(rows):
    return Content(np.array(rows, np.uint64), "sample", (), None, "")


def test_samples_are_found_by_what_they_are():
    own, other = content([[1, 2], [3, 4], [5, 6]]), content([[5, 6], [1, 2]])
    assert places(own, other).tolist() == [2, 0]
    with pytest.raises(TransferError):
        places(other, own)
