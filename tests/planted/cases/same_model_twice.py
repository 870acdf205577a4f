"""Digits: fit is called twice; the second starts where the first stopped."""
import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(6)
x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
model = keras.Sequential([
    keras.Input((64,)),
    keras.layers.Dense(32, activation="relu"),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
first = model.fit(x, y, epochs=3, batch_size=64, shuffle=False, verbose=0)
second = model.fit(x, y, epochs=3, batch_size=64, shuffle=False, verbose=0)
