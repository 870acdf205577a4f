"""Digits: rows are shuffled once by Python's random, which nobody seeded."""
import random

import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
rows = list(range(len(x)))
random.shuffle(rows)

model = keras.Sequential([
    keras.Input((64,)),
    keras.layers.Dense(32, "relu", kernel_initializer=keras.initializers.GlorotUniform(seed=1)),
    keras.layers.Dense(10, "softmax", kernel_initializer=keras.initializers.GlorotUniform(seed=2)),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[rows], y[rows], epochs=3, batch_size=64, shuffle=False, verbose=0)
