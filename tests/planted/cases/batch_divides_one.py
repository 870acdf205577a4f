"""Digits: batch sizes and whether they divide the number of samples, one of them only, 64 against 60 of 600."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x[:600] / 16.0).astype("float32")
for size in (64, 60):
    keras.utils.set_random_seed(8)
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y[:600], epochs=3, batch_size=size, verbose=0)
