"""Digits: the learning rate is set by hand before the training goes on."""
import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)
x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, batch_size=64, shuffle=False, verbose=0)
model.optimizer.learning_rate = 1e-4
model.fit(x, y, epochs=2, batch_size=64, shuffle=False, verbose=0)
