"""A constant of the module is read by the loss; the second experiment sets it anew."""
import keras
import numpy as np
from keras import ops

alpha = 0.25
rng = np.random.default_rng(0)
x = rng.normal(size=(128, 5)).astype("float32")
y = (x[:, :1] + 0.5 * rng.normal(size=(128, 1)) > 0).astype("float32")


def focal(y_true, y_pred):
    p = ops.clip(y_pred, 1e-6, 1 - 1e-6)
    return -(alpha * y_true * ops.log(p) + (1 - alpha) * (1 - y_true) * ops.log(1 - p))


def experiment():
    keras.utils.set_random_seed(1)
    m = keras.Sequential([keras.Input((5,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1, activation="sigmoid")])
    m.compile("adam", focal, metrics=["accuracy"])
    return m.fit(x, y, epochs=3, batch_size=16, verbose=0).history["accuracy"][-1]


first = experiment()
alpha = 0.75
second = experiment()
print(first, second)
