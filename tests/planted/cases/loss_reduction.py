"""Digits: the loss is summed over the batch in one training and averaged in the other."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
for reduction in ("sum_over_batch_size", "sum"):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.SGD(0.001), keras.losses.SparseCategoricalCrossentropy(reduction=reduction), metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)
