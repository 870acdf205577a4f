"""Digits in folds, rebuilt from one seed in every fold: only the rows differ."""
import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
for train, test in KFold(3).split(x):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[train], y[train], epochs=2, batch_size=64, validation_data=(x[test], y[test]), verbose=0)
