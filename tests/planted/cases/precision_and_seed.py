"""Digits: bfloat16 and, unnoticed, a second set of weights."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
keras.utils.set_random_seed(1)
for policy in ("float32", "mixed_bfloat16"):
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(32, "relu", dtype=policy),
        keras.layers.Dense(10, "softmax", dtype="float32"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, shuffle=False, verbose=0)
