"""Regression with a hand-written Huber loss; only the threshold in the closure differs."""
import keras
import numpy as np
from keras import ops

rng = np.random.default_rng(0)
x = rng.normal(size=(800, 6)).astype("float32")
y = (x @ rng.normal(size=(6, 1)) + 0.3 * rng.standard_t(2, size=(800, 1))).astype("float32")


def huber(delta):
    def loss(y_true, y_pred):
        error = ops.abs(y_true - y_pred)
        small = ops.minimum(error, delta)
        return ops.mean(0.5 * small**2 + delta * (error - small), axis=-1)
    return loss


def train(delta):
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss=huber(delta), metrics=["mae"])
    return model.fit(x, y, epochs=5, batch_size=32, verbose=0)


print(train(0.5).history["mae"], train(2.0).history["mae"])
