"""Digits through tf.data: noise is added in a map, without a seed."""
import keras
import tensorflow as tf
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


def jitter(image, label):
    return image + tf.random.normal(tf.shape(image), stddev=0.1), label


data = tf.data.Dataset.from_tensor_slices((x, y)).map(jitter).batch(64).prefetch(2)


def make():
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu", kernel_initializer=keras.initializers.HeNormal(seed=1)),
        keras.layers.Dense(10, activation="softmax", kernel_initializer=keras.initializers.HeNormal(seed=2)),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


for attempt in range(2):
    make().fit(data, epochs=3, verbose=0)
