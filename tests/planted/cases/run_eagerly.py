"""Digits: compiled against eager; only rounding can differ."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x[:640] / 16.0).astype("float32")
y = y[:640]


def fit(eager):
    keras.utils.set_random_seed(11)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, activation="gelu"), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=eager)
    return model.fit(x, y, epochs=2, batch_size=64, verbose=0)


fit(False)
fit(True)
