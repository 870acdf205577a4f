"""Digits: a base trained on the small digits is frozen and gets a new head for the large ones."""
import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)
x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
base = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(16, "relu")], name="base")


def classifier():
    model = keras.Sequential([keras.Input((64,)), base, keras.layers.Dense(5, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


classifier().fit(x[y < 5], y[y < 5], epochs=3, batch_size=64, shuffle=False, verbose=0)
base.trainable = False
classifier().fit(x[y >= 5], y[y >= 5] - 5, epochs=3, batch_size=64, shuffle=False, verbose=0)
