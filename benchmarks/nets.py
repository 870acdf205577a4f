"""The trainings that the benchmarks time. ``python nets.py NAME`` builds and fits one once."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def dense() -> tuple[Any, dict[str, Any]]:
    """seed.md's net: 1,000 samples of 10 numbers, 10 epochs."""
    import keras

    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 10)).astype("float32")
    y = (x.sum(axis=1) > 0).astype("int32")
    model = keras.Sequential(
        [
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, {"x": x, "y": y, "epochs": 10, "batch_size": 32}


def validated() -> tuple[Any, dict[str, Any]]:
    """The same net and samples with 100 more to validate on after every epoch."""
    model, arguments = dense()
    x = np.random.default_rng(1).normal(size=(100, 10)).astype("float32")
    return model, {**arguments, "validation_data": (x, (x.sum(axis=1) > 0).astype("int32"))}


def conv() -> tuple[Any, dict[str, Any]]:
    """Two convolutions on 6,000 images of Fashion-MNIST's shape, one epoch."""
    import keras

    rng = np.random.default_rng(0)
    x = rng.uniform(size=(6000, 28, 28, 1)).astype("float32")
    y = rng.integers(0, 10, 6000)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, {"x": x, "y": y, "epochs": 1, "batch_size": 64}


def lstm() -> tuple[Any, dict[str, Any]]:
    """An LSTM on 1,000 sequences of 20 tokens, 3 epochs."""
    import keras

    rng = np.random.default_rng(0)
    x = rng.integers(0, 500, size=(1000, 20))
    y = (x < 250).sum(axis=1) > 10
    model = keras.Sequential(
        [
            keras.layers.Embedding(500, 16),
            keras.layers.LSTM(32),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, {"x": x, "y": y.astype("int32"), "epochs": 3, "batch_size": 32}


def transformer() -> tuple[Any, dict[str, Any]]:
    """One transformer block on 1,000 sequences of 16 tokens, 3 epochs."""
    import keras

    rng = np.random.default_rng(0)
    x = rng.integers(0, 500, size=(1000, 16))
    y = (x < 250).sum(axis=1) > 8
    tokens = keras.Input((16,), dtype="int32")
    hidden = keras.layers.Embedding(500, 32)(tokens)
    seen = keras.layers.MultiHeadAttention(2, 16, dropout=0.1)(hidden, hidden)
    hidden = keras.layers.LayerNormalization()(hidden + seen)
    wide = keras.layers.Dense(64, activation="gelu")(hidden)
    hidden = keras.layers.LayerNormalization()(hidden + keras.layers.Dense(32)(wide))
    pooled = keras.layers.GlobalAveragePooling1D()(hidden)
    model = keras.Model(tokens, keras.layers.Dense(1, activation="sigmoid")(pooled))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, {"x": x, "y": y.astype("int32"), "epochs": 3, "batch_size": 32}


NETS = {net.__name__: net for net in (dense, validated, conv, lstm, transformer)}


def run(name: str, seed: int) -> None:
    """What a person's loop does for one seed."""
    import keras

    keras.utils.set_random_seed(seed)
    model, arguments = NETS[name]()
    model.fit(**arguments, verbose=0)


if __name__ == "__main__":
    run(sys.argv[1], 1)
