"""Digits: another constant inside a Lambda layer."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


def train(scale):
    keras.utils.set_random_seed(6)
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Lambda(lambda t: t * scale),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)


train(1.0)
train(2.0)
