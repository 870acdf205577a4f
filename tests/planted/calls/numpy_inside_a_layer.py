import keras
import numpy as np


class Noisy(keras.layers.Layer):
    def call(self, x):
        return x + keras.ops.convert_to_tensor(np.random.normal(size=(1,)).astype("float32"))


keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), Noisy()])
a, b = (keras.ops.convert_to_numpy(model(x)) for _ in range(2))
print(np.abs(a - b).max())
