"""Digits: an encoder inside a classifier, built twice after one seed."""
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
x, y = load_digits(return_X_y=True)
x = (x / 16.0).reshape(-1, 8, 8, 1).astype("float32")


def encoder():
    i = keras.Input((8, 8, 1))
    h = layers.Conv2D(8, 3, activation="relu")(i)
    h = layers.MaxPooling2D()(h)
    return keras.Model(i, layers.Flatten()(h), name="encoder")


def classifier():
    i = keras.Input((8, 8, 1))
    o = layers.Dense(10, activation="softmax")(encoder()(i))
    m = keras.Model(i, o)
    m.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return m


a = classifier()
b = classifier()
a.fit(x, y, epochs=2, batch_size=64, shuffle=False, verbose=0)
b.fit(x, y, epochs=2, batch_size=64, shuffle=False, verbose=0)
