"""Digits: cosine decay over another number of steps, with warmup."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


def fit(steps):
    keras.utils.set_random_seed(11)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation="softmax")])
    rate = keras.optimizers.schedules.CosineDecay(1e-3, decay_steps=steps, warmup_target=1e-2, warmup_steps=10)
    model.compile(keras.optimizers.AdamW(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model.fit(x, y, epochs=3, batch_size=64, verbose=0)


fit(40)
fit(400)
