import keras
import numpy as np
from keras import ops

keras.utils.set_random_seed(3)
x = np.random.default_rng(0).normal(size=(500, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype("float32")[:, None]


def my_accuracy(y_true, y_pred):
    return ops.mean(ops.cast(ops.equal(y_true, ops.cast(y_pred > 0.5, "float32")), "float32"))


model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
model.compile(
    "adam",
    keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[my_accuracy, keras.metrics.BinaryAccuracy(threshold=0.0)],
)
h = model.fit(x, y, epochs=5, batch_size=50, verbose=0).history
print("my_accuracy", h["my_accuracy"][-1])
print("binary_accuracy", h["binary_accuracy"][-1])
