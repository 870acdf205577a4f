"""Sums of token sequences with Embedding and LSTM; one training clips its gradients."""
import keras
import numpy as np

rng = np.random.default_rng(4)
tokens = rng.integers(1, 30, size=(512, 10))
labels = (tokens.sum(axis=1) > 155).astype("float32")


def train(clip):
    keras.utils.set_random_seed(2)
    model = keras.Sequential([
        keras.layers.Embedding(30, 8),
        keras.layers.LSTM(8),
        keras.layers.Dense(1, activation="sigmoid"),
    ])
    model.compile(keras.optimizers.Adam(0.01, clipnorm=clip), "binary_crossentropy", metrics=["accuracy"])
    model.fit(tokens, labels, epochs=2, batch_size=64, verbose=0)


train(None)
train(0.02)
