"""Digits: ReduceLROnPlateau with two factors."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


def fit(factor):
    keras.utils.set_random_seed(11)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=factor, patience=1, min_delta=1.0)
    return model.fit(x, y, epochs=6, batch_size=64, callbacks=[plateau], verbose=0)


fit(0.5)
fit(0.1)
