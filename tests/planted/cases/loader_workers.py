"""Digits: augmentation in a threaded PyDataset whose generator nobody seeds."""
import keras
import numpy as np
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Augmented(keras.utils.PyDataset):
    def __init__(self):
        super().__init__(workers=2)
        self.rng = np.random.default_rng()

    def __len__(self):
        return 20

    def __getitem__(self, i):
        part = slice(i * 64, (i + 1) * 64)
        return x[part] + self.rng.normal(0, 0.1, x[part].shape).astype("float32"), y[part]


for _ in range(2):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(Augmented(), epochs=3, verbose=0)
