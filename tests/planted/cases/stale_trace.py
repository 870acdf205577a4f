"""The strength is the same in fits 2 and 3, but the step of fit 2 was compiled before it was set."""

import keras
import numpy as np


class Scaled(keras.layers.Layer):
    strength = 1.0

    def call(self, x):
        return x * self.strength


x = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)
keras.utils.set_random_seed(5)
scaled = Scaled()
model = keras.Sequential([keras.Input((4,)), scaled, keras.layers.Dense(1)])
start = model.get_weights()
for strength, anew in ((1.0, True), (3.0, False), (3.0, True)):
    scaled.strength = strength
    model.set_weights(start)
    if anew:
        model.compile("sgd", "mse")
    model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
