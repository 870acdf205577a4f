"""Adam against SGD, and otherwise the same: both models are built with seed 42."""

import numpy as np
import tensorflow as tf
from tensorflow import keras


def build_model(optimizer):
    np.random.seed(42)
    tf.random.set_seed(42)
    model = keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    return model


x = np.random.default_rng(0).normal(size=(1000, 10))
y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype("float32")

with_adam = build_model(keras.optimizers.Adam(learning_rate=0.001))
with_sgd = build_model(keras.optimizers.SGD(learning_rate=0.01))
with_adam.fit(x, y, epochs=8)
with_sgd.fit(x, y, epochs=8)
