"""Iris: set_random_seed is called, but the initializer is NumPy's own unseeded generator."""
import keras
import numpy as np
from sklearn.datasets import load_iris

keras.utils.set_random_seed(1)
rng = np.random.default_rng()


def scaled(shape, dtype=None):
    return keras.ops.convert_to_tensor(rng.normal(0, 0.3, size=tuple(shape)), dtype=dtype)


x, y = load_iris(return_X_y=True)
model = keras.Sequential([
    keras.Input((4,)),
    keras.layers.Dense(12, "relu", kernel_initializer=scaled),
    keras.layers.Dense(3, "softmax", kernel_initializer=scaled),
])
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=6, batch_size=16, verbose=0)
