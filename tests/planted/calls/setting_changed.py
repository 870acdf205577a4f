import keras
import numpy as np


class Gate(keras.layers.Layer):
    def __init__(self, strength, **kw):
        super().__init__(**kw)
        self.strength = strength

    def call(self, x):
        return x * self.strength


keras.utils.set_random_seed(1)
gate = Gate(1.0)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), gate, keras.layers.Dense(1)])
x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
p = model.predict(x, verbose=0)
gate.strength = 0.0
q = model.predict(x, verbose=0)
direct = keras.ops.convert_to_numpy(model(x))
print("predict unchanged:", np.array_equal(p, q), "direct call", np.abs(direct - q).max())
