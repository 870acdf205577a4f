"""Digits: trained on 600 of them and on 480, both shuffled."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
for count in (600, 480):
    keras.utils.set_random_seed(8)
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:count], y[:count], epochs=3, batch_size=60, verbose=0)
