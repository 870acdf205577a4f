"""Digits: a tenth of the labels is replaced at random in the second training."""
import keras
import numpy as np
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
rng = np.random.default_rng(5)
noisy = np.where(rng.random(len(y)) < 0.1, rng.integers(0, 10, len(y)), y)
for target in (y, noisy):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, target, epochs=3, batch_size=64, verbose=0)
