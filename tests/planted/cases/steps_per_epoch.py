"""Digits: an endless pipeline and another number of steps per epoch."""
import keras
import tensorflow as tf
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


def train(steps):
    keras.utils.set_random_seed(33)
    endless = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(2000, seed=5).repeat().batch(64)
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(endless, epochs=3, steps_per_epoch=steps, verbose=0)


train(20)
train(28)
