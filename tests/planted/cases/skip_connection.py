# The same layers, wired otherwise: the skip connection begins at the inputs in one of the two.
import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.random((128, 8)).astype("float32")
y = x.sum(axis=1, keepdims=True)


def train(from_inputs):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    deeper = keras.layers.Dense(8)(hidden)
    added = keras.layers.Add()([deeper, inputs if from_inputs else hidden])
    model = keras.Model(inputs, keras.layers.Dense(1)(added))
    model.compile("sgd", "mse")
    model.fit(x, y, epochs=2, verbose=0)


train(False)
train(True)
