"""Fits whose sources can, or cannot, be drawn anew. ``SEED`` seeds the first ones.

``DIVIDE`` divides the rows of the last ones as a study does with that seed.
"""

import os

import keras
import numpy as np

from whydiff.core.dividing import divided

layers = keras.layers
rng = np.random.default_rng(0)
x = rng.normal(size=(150, 6)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int32")


def net(**settings):
    model = keras.Sequential(
        [
            layers.Dense(8, activation="relu", kernel_initializer="he_normal"),
            layers.Dense(8, activation="relu"),
            *settings.pop("more", []),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", **settings)
    return model


# 1: everything random, built by fit, which uses up a permutation
keras.utils.set_random_seed(int(os.environ["SEED"]))
net(metrics=["accuracy"], more=[layers.Dropout(0.3)]).fit(x, y, epochs=3, verbose=0)

# 2: an LSTM, whose bias is made by a function around an initializer; equal rows; a batch of 1
keras.utils.set_random_seed(int(os.environ["SEED"]))
sequences = np.repeat(x[:, :, None], 2, axis=0)[:161]
recurrent = keras.Sequential(
    [keras.Input((6, 1)), layers.LSTM(4, recurrent_dropout=0.2), layers.Dense(1)]
)
recurrent.compile("sgd", "mse")
recurrent.fit(sequences, np.arange(161.0) // 2, epochs=2, batch_size=20, verbose=0)

# 3: nothing random: constants, no shuffling, no noise
constant = keras.Sequential([keras.Input((6,)), layers.Dense(1, kernel_initializer="ones")])
constant.compile("sgd", "mse")
constant.fit(x, y, shuffle=False, epochs=2, verbose=0)

# 4: goes on from what an earlier fit trained
constant.fit(x, y, epochs=1, verbose=0)

# 5: weights that were put there
loaded = net()
loaded.build((None, 6))
loaded.set_weights([rng.normal(size=w.shape) for w in loaded.get_weights()])
loaded.fit(x, y, epochs=1, verbose=0)

# 6: one initializer for two layers, with a seed of the script's
shared = keras.initializers.RandomNormal(seed=3)
twins = keras.Sequential(
    [
        keras.Input((6,)),
        layers.Dense(6, kernel_initializer=shared),
        layers.Dense(6, kernel_initializer=shared),
    ]
)
twins.compile("sgd", "mse")
twins.fit(x, x, epochs=1, verbose=0)

# 7 and 8: rows held out to validate on, in the ways in which a study divides them anew
for way in ("split", "kfold=4"):
    keras.utils.set_random_seed(int(os.environ["SEED"]))
    train, held = np.arange(120), np.arange(120, 150)
    if "DIVIDE" in os.environ:
        train, held = divided(way, 150, 30, int(os.environ["DIVIDE"]))
    model = net(metrics=["accuracy"])
    validation = (x[held], y[held])
    model.fit(x[train], y[train], validation_data=validation, epochs=2, verbose=0)
