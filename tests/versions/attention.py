"""MultiHeadAttention, trained twice from other initial weights."""

import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(200, 6, 8)).astype("float32")
y = (x[:, 0, 0] > 0).astype("float32")
for seed in (1, 2):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((6, 8))
    seen = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)(inputs, inputs)
    pooled = keras.layers.GlobalAveragePooling1D()(seen)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(pooled))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=2, shuffle=False, verbose=0)
