"""The "Bidirectional LSTM on IMDB" of keras.io, smaller: a training for each seed named.

    python bilstm.py SEED [SEED ...]

What each ended in is written to the file that RESULTS names, if there is one.
"""

import os
import sys
from pathlib import Path

import keras
import numpy as np
from results import Results

data = np.load(Path(os.environ["DATA"], "reviews.npz"))
results = Results(data["x_test"])

for seed in map(int, sys.argv[1:]):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((data["x_train"].shape[1],), dtype="int32"),
            keras.layers.Embedding(4000, 32),
            keras.layers.Bidirectional(keras.layers.LSTM(16, return_sequences=True)),
            keras.layers.Bidirectional(keras.layers.LSTM(16)),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    results.begin(seed, model)
    fitted = model.fit(
        data["x_train"],
        data["y_train"],
        batch_size=32,
        epochs=5,
        validation_data=(data["x_test"], data["y_test"]),
        verbose=0,
    )
    results.end(seed, model, fitted.history)
