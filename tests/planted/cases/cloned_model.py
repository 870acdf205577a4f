"""Digits: the second model is a clone of the first."""
import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(3)
x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
original = keras.Sequential([
    keras.Input((64,)),
    keras.layers.Dense(32, activation="relu"),
    keras.layers.Dense(10, activation="softmax"),
])
copy = keras.models.clone_model(original)
for model in (original, copy):
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, shuffle=False, verbose=0)
