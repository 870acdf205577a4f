"""A fit whose pipeline is taken apart for several devices."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
data = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).shuffle(64).batch(8)
model.fit(data, epochs=2, verbose=0)
print("trained")
