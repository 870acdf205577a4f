"""What ``train.py`` is on every page: two small trainings with all random sources."""

import sys

import keras
import numpy as np

keras.utils.set_random_seed(5)
rate = float(sys.argv[sys.argv.index("--lr") + 1]) if "--lr" in sys.argv else 0.01
x = np.random.default_rng(0).normal(size=(160, 6)).astype("float32")
y = (x[:, 0] + x[:, 1] ** 2 > 1).astype("float32")


def train():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x[:120], y[:120], epochs=2, validation_data=(x[120:], y[120:]), verbose=0)


train()
train()
