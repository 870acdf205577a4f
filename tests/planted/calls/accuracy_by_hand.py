import keras
import numpy as np


def accuracy(y_true, y_pred):
    return np.mean(y_true == y_pred)


keras.utils.set_random_seed(4)
x = np.random.default_rng(0).normal(size=(90, 3)).astype("float32")
y = (x[:, 0] - x[:, 1] > 0).astype(int)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
print("evaluate", model.evaluate(x, y, verbose=0)[1])
logits = keras.ops.convert_to_numpy(model(x))[:, 0]
print("by hand", accuracy(y, (logits > 0).astype(int)))
