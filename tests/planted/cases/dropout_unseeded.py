"""Digits: layer by layer the same weights, no shuffling; the dropout masks go on from fit to fit."""
import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1234)
x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


def make():
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(48, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


first, second = make(), make()
second.layers[0].set_weights(first.layers[0].get_weights())
second.layers[2].set_weights(first.layers[2].get_weights())
for model in (first, second):
    model.fit(x, y, epochs=3, batch_size=64, shuffle=False, verbose=0)
