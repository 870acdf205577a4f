"""Replicas: other random numbers in everything that Keras draws, the same ones for one seed."""

import pytest

from whydiff.api.explain import Silent
from whydiff.api.lock import LockOptions, make_lock, replicas
from whydiff.core.errors import WhydiffError
from whydiff.runner.client import Run
from whydiff.runner.running import Runs

TRAIN = """
import keras
import numpy as np

keras.utils.set_random_seed(3)
x = np.random.rand(96, 4).astype("float32")
model = keras.Sequential([
    keras.Input((4,)),
    keras.layers.Dense(8, kernel_initializer=keras.initializers.GlorotUniform(seed=5)),
    {layer}
    keras.layers.Dense(1, kernel_initializer="{last}"),
])
model.compile("sgd", "mse")
model.fit(x, x[:, :1], epochs=2, shuffle={shuffle}, batch_size=16, verbose=0)
"""
#: what is left to chance in each script, and nothing else
CHANCE = {
    "a seed that the script wrote": {"layer": "", "last": "ones", "shuffle": False},
    "dropout": {
        "layer": "keras.layers.Dropout(0.5, seed=1),",
        "last": "ones",
        "shuffle": False,
        "first": "ones",
    },
    "the order": {"layer": "", "last": "ones", "shuffle": True, "first": "ones"},
}


def script(tmp_path, layer, last, shuffle, first=None):
    text = TRAIN.format(layer=layer, last=last, shuffle=shuffle)
    if first:
        text = text.replace("keras.initializers.GlorotUniform(seed=5)", f'"{first}"')
    path = tmp_path / "train.py"
    path.write_text(text)
    return path


@pytest.mark.thorough
@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
@pytest.mark.parametrize("what", CHANCE)
def test_each_source_of_chance_is_redrawn_and_a_seed_repeats(tmp_path, monkeypatch, backend, what):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    path = script(tmp_path, **CHANCE[what])
    found = replicas(Runs(), Run(path), [1, 1, 2], tmp_path, Silent())[1]
    loss = found.metrics["loss"]
    assert loss[0] == loss[1] != loss[2]


@pytest.mark.thorough
def test_nothing_is_left_to_chance_where_the_script_draws_nothing_of_keras(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    path = script(tmp_path, layer="", last="ones", shuffle=False, first="ones")
    loss = replicas(Runs(), Run(path), [1, 2], tmp_path, Silent())[1].metrics["loss"]
    assert loss[0] == loss[1]  # the data, drawn by the script itself, stay the same


def test_one_replica_is_refused(tmp_path):
    with pytest.raises(WhydiffError, match="--replicas 1"):
        make_lock(tmp_path / "train.py", options=LockOptions(replicas=1))
