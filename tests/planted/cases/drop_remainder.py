"""Digits through tf.data: one pipeline drops the last, partial batch."""
import keras
import tensorflow as tf
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
source = tf.data.Dataset.from_tensor_slices((x, y)).cache()


def train(drop):
    keras.utils.set_random_seed(33)
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(source.batch(64, drop_remainder=drop), epochs=3, verbose=0)


train(False)
train(True)
