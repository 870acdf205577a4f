# A column less in the second data set, and a model that takes it: neither fits without the other.
import keras
import numpy as np


def train(columns):
    rng = np.random.default_rng(7)
    x = rng.normal(size=(256, 6)).astype("float32")
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype("int32")
    keras.utils.set_random_seed(11)
    model = keras.Sequential(
        [
            keras.Input((columns,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(2),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    model.fit(x[:, :columns], y, epochs=2, shuffle=False, verbose=0)


train(6)
train(5)
