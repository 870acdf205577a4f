"""Iris: an environment variable left over from a test shortens every training."""
import keras
from sklearn.datasets import load_iris

keras.utils.set_random_seed(1)
x, y = load_iris(return_X_y=True)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(12, "relu"), keras.layers.Dense(3, "softmax")])
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=6, batch_size=16, verbose=0)
