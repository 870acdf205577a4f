"""A training by itself and spread over two devices by keras.distribution."""
import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import keras
import numpy as np

if os.environ.get("SPREAD"):
    keras.distribution.set_distribution(keras.distribution.DataParallel())
keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x = rng.normal(size=(64, 12)).astype("float32")
y = (x @ rng.normal(size=(12, 1))).astype("float32")

model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(32, "tanh"), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, y, epochs=2, batch_size=32, verbose=0)
