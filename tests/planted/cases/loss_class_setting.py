"""Regression with a loss class of one's own that cannot be serialised."""
import keras
import numpy as np
from keras import ops

rng = np.random.default_rng(0)
x = rng.normal(size=(600, 5)).astype("float32")
y = (x[:, :1] * x[:, 1:2] + 0.1 * rng.normal(size=(600, 1))).astype("float32")


class Pinball(keras.losses.Loss):
    def __init__(self, quantile):
        super().__init__()
        self.quantile = quantile

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(self.quantile * error, (self.quantile - 1) * error), axis=-1)


for quantile in (0.5, 0.9):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(1)])
    model.compile("adam", Pinball(quantile))
    model.fit(x, y, epochs=4, batch_size=32, verbose=0)
