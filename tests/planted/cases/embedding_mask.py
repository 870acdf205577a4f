"""Padded sequences: the padding is masked in one of the trainings."""
import keras
import numpy as np

rng = np.random.default_rng(4)
lengths = rng.integers(3, 12, size=400)
tokens = np.where(np.arange(12) < lengths[:, None], rng.integers(1, 20, size=(400, 12)), 0)
labels = (tokens.sum(axis=1) / lengths > 10).astype("float32")
for mask in (False, True):
    keras.utils.set_random_seed(2)
    model = keras.Sequential([
        keras.layers.Embedding(20, 8, mask_zero=mask),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(1, activation="sigmoid"),
    ])
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    model.fit(tokens, labels, epochs=4, batch_size=64, verbose=0)
