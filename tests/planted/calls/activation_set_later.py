"""The last activation is taken away for logits, and predict goes on with the softmax."""

import keras
import numpy as np

keras.utils.set_random_seed(7)
x = np.random.default_rng(7).normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
print("classes", model.predict(x, verbose=0).argmax(1)[:5])

model.layers[-1].activation = keras.activations.linear
logits = model.predict(x, verbose=0)
print("apart", np.abs(logits - keras.ops.convert_to_numpy(model(x))).max())
