"""The "Simple MNIST convnet" of keras.io, smaller: a training for each seed named.

    python convnet.py SEED [SEED ...]

What each ended in is written to the file that RESULTS names, if there is one.
"""

import os
import sys
from pathlib import Path

import keras
import numpy as np
from results import Results

data = np.load(Path(os.environ["DATA"], "digits.npz"))
results = Results(data["x_test"])

for seed in map(int, sys.argv[1:]):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    results.begin(seed, model)
    fitted = model.fit(
        data["x_train"],
        data["y_train"],
        batch_size=32,
        epochs=8,
        validation_data=(data["x_test"], data["y_test"]),
        verbose=0,
    )
    results.end(seed, model, fitted.history)
