"""What a checkpoint puts into variables as a fit makes them is what the fit starts from."""

import os
import subprocess
import sys

import pytest

from whydiff.storage import load

pytest.importorskip("tensorflow")

SCRIPT = """
import keras, numpy as np, tensorflow as tf

x = np.arange(40, dtype="float32").reshape(8, 5) / 40
y = x.sum(1, keepdims=True)

def train():
    model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(1)])
    optimizer = keras.optimizers.Adam(0.1)
    model.compile(optimizer, "mse")
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer)
    checkpoint.restore(tf.train.latest_checkpoint("saved"))
    model.fit(x, y, epochs=2, batch_size=4, verbose=0)
    checkpoint.save("saved/c")

train()
train()
"""


def digests(tensors):
    return [tensor.digest for tensor in tensors if tensor.role != "hidden"]


def test_a_fit_starts_from_what_a_checkpoint_held(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-m", "whydiff", "record", "train.py", "-o", "a.whydiff"],
        cwd=tmp_path,
        env=os.environ | {"KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, then = load(tmp_path / "a.whydiff").fits
    assert digests(then.recipe.initialization) == digests(first.final)
    momenta = [t for t in then.recipe.state if "momentum" in t.path]
    fresh = {t.path: t.digest for t in first.recipe.state}
    assert momenta
    assert all(t.digest not in fresh.values() for t in momenta)
