"""predict and the model called give other probabilities for the same rows."""

import keras
import numpy as np
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=3, verbose=0)
predicted = model.predict(x[:64], verbose=0)
called = model(x[:64], training=True)
print("largest difference:", np.abs(predicted - keras.ops.convert_to_numpy(called)).max())
