"""Digits read line by line; one GRU starts at the bottom."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).reshape(-1, 8, 8).astype("float32")[:600]
y = y[:600]
for backwards in (False, True):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((8, 8)), keras.layers.GRU(12, go_backwards=backwards), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=2, batch_size=50, verbose=0)
