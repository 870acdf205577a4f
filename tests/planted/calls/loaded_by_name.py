import keras
import numpy as np


def build(last):
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(12, activation="relu", name="hidden"),
            keras.layers.Dense(2, name=last),
        ]
    )


x = np.random.default_rng(0).normal(size=(20, 6)).astype("float32")
keras.utils.set_random_seed(1)
trained = build("out")
trained.save("trained.h5")
served = build("head")
served.load_weights("trained.h5", by_name=True)
print(np.abs(trained.predict(x, verbose=0) - served.predict(x, verbose=0)).max())
