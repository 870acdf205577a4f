import keras
import numpy as np


class Centred(keras.layers.Layer):
    def call(self, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)


keras.utils.set_random_seed(1)
model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(8, activation="relu"), Centred(), keras.layers.Dense(1)]
)
x = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
print(np.abs(model.predict(x, verbose=0) - model.predict(x, batch_size=8, verbose=0)).max())
