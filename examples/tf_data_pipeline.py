"""Digits through tf.data: one seed at the top, equal weights to start from, yet two results."""

import tensorflow as tf
from sklearn.datasets import load_digits
from tensorflow import keras

keras.utils.set_random_seed(7)

images, labels = load_digits(return_X_y=True)
images = (images / 16.0).astype("float32").reshape(-1, 8, 8, 1)


def shift(image, label):
    """Move the digit sideways by up to a pixel."""
    return tf.roll(image, tf.random.uniform([], -1, 2, tf.int32), axis=1), label


def pipeline():
    data = tf.data.Dataset.from_tensor_slices((images, labels))
    return data.shuffle(len(images)).map(shift).batch(64)


def build_model():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


one, two = build_model(), build_model()
two.set_weights(one.get_weights())
one.fit(pipeline(), epochs=3, verbose=2)
two.fit(pipeline(), epochs=3, verbose=2)
