"""Two trainings, in the second of which a callback freezes a layer, and hybrids of both.

JAX is left out: there the step of a running fit cannot be made anew.
"""

import sys

import keras
import numpy as np

from whydiff import load
from whydiff.core.recording import TRAINABLE_SET
from whydiff.replay.solo import Solo
from whydiff.runner.in_process import begin


class Freeze(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.model.layers[0].trainable = False
            self.model.make_train_function(force=True)


session = begin(sys.argv[1])
x = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
for callbacks in ([], [Freeze()]):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], epochs=3, batch_size=8, verbose=0, callbacks=callbacks)
a, b = session.lives[:2]
session.close(0)
noted = [fit.notes.get(TRAINABLE_SET) for fit in load(sys.argv[1]).fits]
line = "frozen_on_the_way.py:20"
print(noted == [None, [["dense_2", False, 1, line, ["dense/kernel", "dense/bias"]]]])
solo = Solo({"a": a, "b": b}, differing=frozenset({"optimizer"}))
for choice, live in (({}, a), ({"optimizer": "b"}, b), ({}, a), ({"optimizer": "b"}, b)):
    weights = solo.train(choice).weights.values()
    print(all(map(np.array_equal, weights, live.final)))
