"""What lock-3.lock is the lock of: a training with predictions and evaluations behind it."""

import keras
import numpy as np

keras.utils.set_random_seed(5)
x = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
y = (x[:, 0] + x[:, 1] ** 2 > 1).astype("float32")
model = keras.Sequential(
    [
        keras.Input((3,)),
        keras.layers.Dense(4, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x[:32], y[:32], batch_size=8, epochs=2, verbose=0)
model.evaluate(x[32:], y[32:], verbose=0)
model.predict(x[32:], verbose=0)
model(x[:2])
