"""Regression on batches that a Python generator draws for ever; nobody seeds it."""
import keras
import numpy as np


def batches():
    rng = np.random.default_rng()
    while True:
        x = rng.uniform(-1, 1, size=(32, 2)).astype("float32")
        yield x, np.sin(3 * x[:, :1]) * x[:, 1:]


def fit():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model.fit(batches(), steps_per_epoch=30, epochs=3, verbose=0)


fit()
fit()
