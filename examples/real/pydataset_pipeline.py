"""
Title: A data pipeline with PyDataset
Description: Batches made in a thread, augmented in NumPy, in an order of their own.
"""

import math
import os

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

if "SEED" in os.environ:
    keras.utils.set_random_seed(int(os.environ["SEED"]))


class DigitsDataset(keras.utils.PyDataset):
    """Shifts every image by up to one pixel; which way depends on the image.

    A thread makes batches ahead of the training: what `on_epoch_end` changes, and the order that
    `fit` draws, reach some batches early and others late. Several threads may even mix the first
    epoch with the batches that `fit` looked at to build the model. So nothing here depends on it.
    """

    def __init__(self, images, labels, batch_size, seed, **kwargs):
        super().__init__(**kwargs)
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.indices = np.random.default_rng(seed).permutation(len(images))

    def __len__(self):
        return math.ceil(len(self.images) / self.batch_size)

    def __getitem__(self, idx):
        rows = self.indices[idx * self.batch_size : (idx + 1) * self.batch_size]
        shifts = rows % 3 - 1
        batch = np.stack([np.roll(self.images[r], s, axis=1) for r, s in zip(rows, shifts)])
        return batch, self.labels[rows]


digits = load_digits()
images = (digits.images / 16.0).astype("float32")[..., None]
seed = int(os.environ.get("ORDER_SEED", "11"))
train = DigitsDataset(images[:1280], digits.target[:1280], 64, seed, workers=1)

model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(12, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(
    train,
    epochs=2,
    shuffle=False,
    validation_data=(images[1280:], digits.target[1280:]),
    verbose=2,
)
