"""Breast cancer: everything in float64, the initial weights drawn by NumPy."""
import keras
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

x, y = load_breast_cancer(return_X_y=True)
x = scale(x).astype("float32")
start = [w.astype("float32") for w in (
    np.random.default_rng(0).normal(0, 0.2, (30, 8)), np.zeros(8), np.random.default_rng(1).normal(0, 0.2, (8, 1)), np.zeros(1))]


def fit(policy):
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    model = keras.Sequential([keras.layers.Dense(8, "tanh"), keras.layers.Dense(1, "sigmoid")])
    model.build((None, 30))
    model.set_weights(start)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=4, batch_size=32, shuffle=False, verbose=0)


fit("float32")
fit("float64")
