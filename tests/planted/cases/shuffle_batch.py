"""Digits: whole batches are shuffled in one of the trainings."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x[:1792] / 16.0).astype("float32")
y = y[:1792]


def train(shuffle):
    keras.utils.set_random_seed(27)
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, shuffle=shuffle, verbose=0)


train(True)
train("batch")
