"""Resuming a real training: what Keras's own files bring back, and what they do not."""

import pytest

from whydiff.api.resume import resume
from whydiff.core.errors import WhydiffError

pytestmark = pytest.mark.long

TRAIN = """
import keras
import numpy as np

keras.utils.set_random_seed(7)
x = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
{layer}
model = keras.Sequential([keras.Input((4,)), {layers}keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, x[:, :1], epochs=3, verbose=0, {more})
raise SystemExit("nothing behind the training in question is run")
"""
OWN = """
class Own(keras.layers.Layer):
    def call(self, x):
        return x
"""


@pytest.fixture(autouse=True)
def on_jax(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def written(folder, layer="", layers="", more="shuffle=False"):
    path = folder / "train.py"
    path.write_text(TRAIN.format(layer=layer, layers=layers, more=more))
    return path


def test_a_training_without_random_numbers_is_resumed_bit_for_bit(tmp_path):
    answer = resume(written(tmp_path), at_epoch=2)
    assert answer.equal and not answer.not_restored
    assert {"weights (2)", "optimizer slots (4)", "step count (1)"} <= set(answer.restored)


def test_dropout_shuffling_and_callbacks_are_named(tmp_path):
    more = 'callbacks=[keras.callbacks.EarlyStopping("loss", patience=9)]'
    answer = resume(written(tmp_path, layers="keras.layers.Dropout(0.5), ", more=more), at_epoch=1)
    assert not answer.equal
    assert [one.what for one in answer.not_restored] == [
        "seed states",
        "callback EarlyStopping",
        "order of the samples",
    ]
    assert answer.first == "epoch 2, step 1: the batch"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("text", "asked", "why"),
    [
        ({"layer": OWN, "layers": "Own(), "}, {"at_epoch": 2}, "cannot be loaded"),
        ({}, {"at_epoch": 3}, "fit 1 trains epochs 1 to 3"),
        ({"more": ""}, {"at_epoch": 2, "fit": 2}, "the script ended before that epoch"),
    ],
)
def test_what_cannot_be_resumed_is_said(tmp_path, text, asked, why):
    with pytest.raises(WhydiffError, match=why):
        resume(written(tmp_path, **text), **asked)
