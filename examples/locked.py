"""A training to keep: seeded, so that it repeats bit for bit. RATE and JIT change it.

whydiff lock examples/locked.py -o build/locked.lock
RATE=0.02 whydiff verify examples/locked.py --lock build/locked.lock
"""

import os

import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(7)
x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")

model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.Adam(float(os.environ.get("RATE", "0.01"))),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
    jit_compile=os.environ.get("JIT") == "1",
)
model.fit(x, y, epochs=3, batch_size=64, validation_split=0.2, verbose=0)
