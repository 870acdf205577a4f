"""A tf.data pipeline with validation data, shuffled with another seed the second time."""

import keras
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(0)
x = rng.normal(size=(400, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
held_out = tf.data.Dataset.from_tensor_slices((x[300:], y[300:])).batch(50)
for seed in (1, 2):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    rows = tf.data.Dataset.from_tensor_slices((x[:300], y[:300]))
    fed = rows.shuffle(300, seed=seed, reshuffle_each_iteration=True).batch(32)
    model.fit(fed, validation_data=held_out, epochs=3, verbose=0)
