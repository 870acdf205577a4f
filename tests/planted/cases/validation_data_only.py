"""Digits: the same training, validated on other samples."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


def train(part):
    keras.utils.set_random_seed(33)
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:1200], y[:1200], epochs=3, batch_size=64, validation_data=(x[part], y[part]), verbose=0)


train(slice(1200, 1500))
train(slice(1500, None))
