"""A layer that draws its slope from Python's random; the second training is not seeded."""
import random

import keras
import numpy as np


class Slope(keras.layers.Layer):
    def call(self, inputs, training=False):
        if training:
            return inputs * random.uniform(0.5, 1.5)
        return inputs


x = np.random.default_rng(8).normal(size=(130, 4)).astype("float32")
y = (x[:, :1] + x[:, 1:2]).astype("float32")
fixed = keras.initializers.GlorotUniform


def train(rows):
    model = keras.Sequential([
        keras.Input((4,)),
        keras.layers.Dense(6, "tanh", kernel_initializer=fixed(seed=1)),
        Slope(),
        keras.layers.Dense(1, kernel_initializer=fixed(seed=2)),
    ])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    random.seed(len(rows) - 130)
    model.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0)


train(rows=[0] * 130)
train(rows=[0] * 137)
