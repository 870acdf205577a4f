"""Digits: weights reset, the optimizer's step counter is not; plain SGD does not look at it."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
keras.utils.set_random_seed(6)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation="softmax")])
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
start = model.get_weights()
for _ in range(2):
    model.set_weights(start)
    model.fit(x, y, epochs=3, batch_size=64, shuffle=False, verbose=0)
