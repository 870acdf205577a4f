"""Digits: the loop variable is called like an attribute of the hand-made layer."""
import keras
from keras import ops
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Leaky(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rate = 0.1

    def call(self, inputs):
        return ops.maximum(inputs, self.rate * inputs)


for rate in (1e-3, 1e-2):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32), Leaky(), keras.layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)
