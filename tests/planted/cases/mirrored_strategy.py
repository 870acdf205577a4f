"""A training on arrays under MirroredStrategy, with one device and with two."""
import os

import keras
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x = rng.normal(size=(64, 12)).astype("float32")
y = (x @ rng.normal(size=(12, 1))).astype("float32")

with tf.distribute.MirroredStrategy(os.environ.get("DEVICES", "CPU:0").split()).scope():
    model = keras.Sequential(
        [keras.Input((12,)), keras.layers.Dense(32, "tanh"), keras.layers.Dense(1)]
    )
    model.compile("adam", "mse")
model.fit(x, y, epochs=2, batch_size=32, verbose=0)
