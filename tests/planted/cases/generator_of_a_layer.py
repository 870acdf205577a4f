"""Own noise layer with a generator of its own, which nothing seeds."""
import keras
import numpy as np
import torch


class Jitter(keras.layers.Layer):
    def __init__(self, scale=0.1, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.rng = np.random.default_rng()

    def call(self, x, training=False):
        if not training:
            return x
        noise = self.rng.normal(scale=self.scale, size=tuple(x.shape)).astype("float32")
        return x + torch.from_numpy(noise)


def build():
    return keras.Sequential([keras.Input((6,)), Jitter(0.3), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)])


def main():
    keras.utils.set_random_seed(7)
    rng = np.random.default_rng(7)
    x = rng.normal(size=(160, 6)).astype("float32")
    y = x @ np.array([[1.0], [0.5], [-0.4], [0.0], [2.0], [0.1]], dtype="float32")
    model = build()
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    model.fit(x, y, batch_size=32, epochs=3, verbose=2)


if __name__ == "__main__":
    main()
