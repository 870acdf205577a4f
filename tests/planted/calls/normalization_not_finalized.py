import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(30, 4)).astype("float32") * 5 + 3


def build():
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Normalization(), keras.layers.Dense(2)]
    )


one, two = build(), build()
one.layers[0].adapt(x)
two.set_weights(one.get_weights())
print(np.abs(one.predict(x, verbose=0) - two.predict(x, verbose=0)).max())
