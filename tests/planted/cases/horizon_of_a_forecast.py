"""A forecast of the next value, and one whose targets are off by one: the last value of a window."""
import keras
import numpy as np

series = np.cumsum(np.random.default_rng(3).normal(size=400)).astype("float32")
WIDTH = 12
windows = np.stack([series[i : i + WIDTH] for i in range(len(series) - WIDTH)])


def train(targets):
    keras.utils.set_random_seed(7)
    model = keras.Sequential([
        keras.layers.Input((WIDTH,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)
    ])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model.fit(windows, targets, epochs=3, batch_size=32, verbose=0).history["loss"][-1]


print("next", train(series[WIDTH:]))
print("last", train(series[WIDTH - 1 : -1]))
