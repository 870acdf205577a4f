"""Digits: AdamW with the kernels left out of its weight decay; its config does not tell."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
for spared in (False, True):
    keras.utils.set_random_seed(6)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation="softmax")])
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.1)
    if spared:
        optimizer.exclude_from_weight_decay(var_list=[layer.kernel for layer in model.layers])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)
