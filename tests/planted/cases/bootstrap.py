"""Breast cancer: a bootstrap sample drawn without a seed."""
import keras
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

x, y = load_breast_cancer(return_X_y=True)
x = scale(x)
keras.utils.set_random_seed(1)
rows = np.random.default_rng().integers(0, len(x), len(x))
model = keras.Sequential([keras.Input((30,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x[rows], y[rows], epochs=5, batch_size=32, verbose=0)
