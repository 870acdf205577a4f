"""A loop on arrays, without state, whose weights the model never gets."""

import jax
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = x[:, :1]
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
weights = [v.value for v in model.trainable_variables]


def error(weights, x, y):
    outputs, _ = model.stateless_call(weights, [], x)
    return ((outputs - y) ** 2).mean()


gradient = jax.jit(jax.grad(error))
for _ in range(20):
    weights = [w - 0.1 * g for w, g in zip(weights, gradient(weights, x, y), strict=True)]
outputs, _ = model.stateless_call(weights, [], x)
print("trained", np.asarray(outputs)[:2], "predicted", model.predict(x, verbose=0)[:2])
