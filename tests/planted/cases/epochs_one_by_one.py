"""Compiled anew before every epoch: Adam's moments are lost."""
import keras
import numpy as np

x = np.random.default_rng(5).normal(size=(96, 5)).astype("float32")
y = np.tanh(x[:, :1] * 2)


def build():
    keras.utils.set_random_seed(31)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(10, activation="relu"), keras.layers.Dense(1)])


a = build()
for epoch in range(3):
    a.compile("adam", "mse")
    a.fit(x, y, epochs=1, batch_size=16, shuffle=False, verbose=0)
b = build()
b.compile("adam", "mse")
b.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0)
print(a.evaluate(x, y, verbose=0), b.evaluate(x, y, verbose=0))
