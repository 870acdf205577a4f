"""Two fits that decompose matrices: one for its initial values, the other in every step."""

import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(16, 4, 8)).astype("float32")
y = x[:, 0, :1]


class Whitened(keras.layers.Layer):
    """The rows of a square batch of features, made orthogonal."""

    def call(self, inputs):
        return inputs + keras.ops.qr(keras.ops.matmul(keras.ops.transpose(inputs), inputs))[0][0]


def fit(*layers):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4, 8)), *layers, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, y, batch_size=8, verbose=0)


fit(keras.layers.Bidirectional(keras.layers.GRU(96)))
fit(keras.layers.Flatten(), keras.layers.Dense(6), Whitened())
