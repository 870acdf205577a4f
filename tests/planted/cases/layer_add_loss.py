"""Digits: a layer adds a penalty of its own to the loss."""
import keras
from keras import ops
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Sparse(keras.layers.Layer):
    def __init__(self, beta):
        super().__init__()
        self.beta = beta

    def call(self, inputs):
        self.add_loss(self.beta * ops.mean(ops.abs(inputs)))
        return inputs


for beta in (0.0, 1.0):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, "relu"), Sparse(beta), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)
