"""Digits through a PyDataset that shuffles by itself, with two seeds."""
import keras
import numpy as np
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Batches(keras.utils.PyDataset):
    def __init__(self, seed, size=64):
        super().__init__()
        self.rng = np.random.default_rng(seed)
        self.size = size
        self.on_epoch_end()

    def __len__(self):
        return len(x) // self.size + 1

    def __getitem__(self, number):
        rows = self.rows[number * self.size:(number + 1) * self.size]
        return x[rows], y[rows]

    def on_epoch_end(self):
        self.rows = self.rng.permutation(len(x))


for seed in (7, 8):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(Batches(seed), epochs=3, shuffle=False, verbose=0)
