import keras
import numpy as np

settings = {"scale": 1.0}
keras.utils.set_random_seed(0)
inputs = keras.Input((4,))
hidden = keras.layers.Dense(6)(inputs)
hidden = keras.layers.Lambda(lambda t: t * settings["scale"])(hidden)
model = keras.Model(inputs, keras.layers.Dense(2)(hidden))
x = np.linspace(-1, 1, 40).reshape(10, 4)
before = keras.ops.convert_to_numpy(model(x))
settings["scale"] = 0.5
print(np.abs(before - keras.ops.convert_to_numpy(model(x))).max())
