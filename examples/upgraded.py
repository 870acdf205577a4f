"""A seeded training with attention that ends otherwise after an upgrade: docs/upgrade.md.

The seed is set and the data are the same. Ask what an upgrade does with
`whydiff explain examples/upgraded.py --a-with keras==3.12.1`.
"""

import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(600, 6, 8)).astype("float32")
y = (x[:, 0, 0] * x[:, 1, 1] > 0).astype("int32")

keras.utils.set_random_seed(1)
inputs = keras.Input((6, 8))
seen = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)(inputs, inputs)
pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Add()([inputs, seen]))
hidden = keras.layers.Dense(32, activation="relu")(pooled)
model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(hidden))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, validation_split=0.2, epochs=4, verbose=0)
