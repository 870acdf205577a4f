"""Fits on arrays, each recorded with its order told and with every batch looked at.

Prints a line per fit named as an argument, or of all: its name, whether both tell the same, and how
many batches were shown.
"""

import contextlib
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

import whydiff
from whydiff.keras_backend import alike
from whydiff.keras_backend.tensorflow import backend as tensorflow_backend
from whydiff.recorder.feed import Feed

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(52, 6)).astype("float32")
X[7] = X[30]  # one sample in two rows
Y = X[:, :1] - X[:, 1:2]
VALIDATION = {"validation_data": (X[:20], Y[:20])}
CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(CPU, [tf.config.LogicalDeviceConfiguration()] * 2)
DISTRIBUTED = {
    "mirrored": lambda: tf.distribute.MirroredStrategy(["CPU:0"]),
    "two devices": lambda: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
}
FITS = {
    "shuffled": {},
    "in order": {"shuffle": False},
    "shuffled batches": {"shuffle": "batch"},
    "part of an epoch": {"steps_per_epoch": 3, "epochs": 2},
    "several steps at once": {},
    "weighted": {"sample_weight": np.linspace(0, 1, 52)},
    "class weights": {"class_weight": {0: 1.0, 1: 2.0}},
    "validated": VALIDATION,
    "split": {"validation_split": 0.2},
    "evaluating callback": {"callbacks": ["evaluates"]},
    "several inputs": {},
    "sparse": {},
    "built by the fit": {},
    "mirrored": VALIDATION,
    "two devices": {},
    "seeded by nobody": {},
}


class Evaluates(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.evaluate(X[:12], Y[:12], verbose=0)


def model_for(name):
    with DISTRIBUTED[name]().scope() if name in DISTRIBUTED else contextlib.nullcontext():
        first = [] if name == "built by the fit" else [keras.Input((6,))]
        if name == "several inputs":
            sides = [keras.Input((6,), name="a"), keras.Input((6,), name="b")]
            hidden = keras.layers.Dropout(0.2)(keras.layers.Concatenate()(sides))
            model = keras.Model(sides, keras.layers.Dense(1)(hidden))
        else:
            noisy = [keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.3)]
            model = keras.Sequential([*first, *noisy, keras.layers.Dense(1)])
        at_once = 2 if name == "several steps at once" else 1
        model.compile("adam", "mse", metrics=["mae"], steps_per_execution=at_once)
    return model


def train(name):
    if name != "seeded by nobody":
        keras.utils.set_random_seed(5)
    arguments = dict(FITS[name])
    if "callbacks" in arguments:
        arguments["callbacks"] = [Evaluates()]
    x = {"a": X, "b": X[::-1].copy()} if name == "several inputs" else X
    if name == "sparse":
        x = tf.sparse.from_dense(np.where(X > 0, X, 0))
    y = (Y[:, 0] > 0).astype("int32")[:, None] if name == "class weights" else Y
    arguments = {"batch_size": 8, "epochs": 3, "verbose": 0, **arguments}
    history = model_for(name).fit(x, y, **arguments)
    return history.history["loss"]


def recorded(name):
    """What a recording tells of one fit, and how many of its batches were shown."""
    shown = []
    show = Feed.show
    Feed.show = lambda self, structure: (shown.append(1), show(self, structure))[1]
    with whydiff.recording() as cell:
        losses = train(name)
    Feed.show = show
    (fit,) = cell.execution.fits
    recipe = fit.recipe
    told = (
        losses,
        fit.steps.tolist(),
        [order.tolist() for order in recipe.data_order.epochs],
        [sizes.tolist() for sizes in recipe.batch_size.epochs],
        recipe.data_content.samples.tolist(),
        recipe.data_content.validation,
    )
    return told, len(shown)


def main():
    told_order = tensorflow_backend.told_order
    for name in sys.argv[1:] or FITS:
        told, shown = recorded(name)
        assert sum(map(len, told[3])) >= 6
        same = told[0] == train(name)
        if name not in DISTRIBUTED:  # whose batches cannot be looked at
            tensorflow_backend.told_order = alike.told_order
            looked_at, all_shown = recorded(name)
            tensorflow_backend.told_order = told_order
            assert all_shown >= sum(map(len, told[3]))
            same = same and told == looked_at
        print(f"{name}: {'same' if same else 'different'}, {shown} shown", flush=True)


if __name__ == "__main__":
    main()
