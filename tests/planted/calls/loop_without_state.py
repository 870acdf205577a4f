"""Weights that a loop on arrays trained, without state, and the script assigned at its end."""

import jax
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = x[:, :1]


def build():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])


def error(weights, x, y):
    outputs, _ = looped.stateless_call(weights, [], x)
    return ((outputs - y) ** 2).mean()


fitted, looped = build(), build()
fitted.compile("adam", "mse")
fitted.fit(x, y, batch_size=16, epochs=2, verbose=0)
optimizer = keras.optimizers.Adam(0.01)
optimizer.build(looped.trainable_variables)
weights = [v.value for v in looped.trainable_variables]
slots = [v.value for v in optimizer.variables]
gradient = jax.jit(jax.grad(error))
for _ in range(2):
    for i in range(0, 64, 16):
        gradients = gradient(weights, x[i : i + 16], y[i : i + 16])
        weights, slots = optimizer.stateless_apply(slots, gradients, weights)
for variable, value in zip(looped.trainable_variables, weights, strict=True):
    variable.assign(value)
print(fitted.predict(x, verbose=0)[:2], looped.predict(x, verbose=0)[:2])
