"""A training that no seed controls: two runs split, start, shuffle and drop differently."""

import keras
import numpy as np
from sklearn.datasets import load_digits

images, labels = load_digits(return_X_y=True)
images = (images / 16.0).astype("float32")

rows = np.random.default_rng().permutation(len(images))
train, test = rows[:1400], rows[1400:]

model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(images[train], labels[train], epochs=5, verbose=0)
print("accuracy:", model.evaluate(images[test], labels[test], verbose=0)[1])
