"""Iris: weights are loaded if an earlier execution left some."""
import os

import keras
from sklearn.datasets import load_iris

keras.utils.set_random_seed(1)
x, y = load_iris(return_X_y=True)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(12, "relu"), keras.layers.Dense(3, "softmax")])
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
if os.path.exists("iris.weights.h5"):
    model.load_weights("iris.weights.h5")
model.fit(x, y, epochs=5, batch_size=16, shuffle=False, verbose=0)
model.save_weights("iris.weights.h5")
