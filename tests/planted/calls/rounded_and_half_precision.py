import keras
import numpy as np

keras.utils.set_random_seed(4)
x = (np.random.default_rng(4).random((60, 12)) * 255).astype("float32")


def build(policy):
    keras.utils.set_random_seed(4)
    layers = [keras.layers.Dense(32, activation="relu", dtype=policy) for _ in range(2)]
    return keras.Sequential([keras.Input((12,)), *layers, keras.layers.Dense(2, dtype=policy)])


one, other = build("float32"), build("float16")
other.set_weights(one.get_weights())
a = one.predict(x / 255, verbose=0)
b = other.predict((x / 255).round(3), verbose=0)
print("apart", np.abs(a - b).max())
