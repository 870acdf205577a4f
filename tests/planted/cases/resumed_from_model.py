"""Six epochs at once, and three, saved, loaded and three more: dropout begins anew."""

import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(96, 6)).astype("float32")
y = x @ rng.normal(size=(6, 1)).astype("float32")


def build():
    keras.utils.set_random_seed(1)
    layers = [keras.Input((6,)), keras.layers.Dense(8, activation="relu")]
    model = keras.Sequential([*layers, keras.layers.Dropout(0.5, seed=3), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


build().fit(x, y, epochs=6, shuffle=False, verbose=0)
half = build()
half.fit(x, y, epochs=3, shuffle=False, verbose=0)
half.save("half.keras")
keras.models.load_model("half.keras").fit(x, y, epochs=3, shuffle=False, verbose=0)
