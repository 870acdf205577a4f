"""The same network trained twice on the same rows in the same order, built with two seeds."""

import numpy as np
import tensorflow as tf
from tensorflow import keras


def build_model(seed):
    np.random.seed(seed)
    tf.random.set_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


x = np.random.default_rng(0).normal(size=(1000, 10))
y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype("float32")

first = build_model(seed=42)
second = build_model(seed=43)
first.fit(x, y, epochs=8, shuffle=False)
second.fit(x, y, epochs=8, shuffle=False)
