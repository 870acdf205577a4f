import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")


def build():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), keras.layers.Dense(4)])


one, two = build(), build()
values = one.get_weights()
two.set_weights(values[2:] + values[:2])
print(np.abs(one.predict(x, verbose=0) - two.predict(x, verbose=0)).max())
