import keras
import numpy as np

SCALE = 1.0


class Scale(keras.layers.Layer):
    def call(self, x):
        return x * SCALE


keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(10, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), Scale()])
a = keras.ops.convert_to_numpy(model(x))
SCALE = 2.5
b = keras.ops.convert_to_numpy(model(x))
print(np.abs(a - b).max())
