"""Digits: weights go back to the start for a second attempt, the optimizer does not."""
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
model.save_weights("start.weights.h5")
model.fit(x, y, epochs=3, batch_size=64, shuffle=False, verbose=0)
model.load_weights("start.weights.h5")
model.fit(x, y, epochs=3, batch_size=64, shuffle=False, verbose=0)
