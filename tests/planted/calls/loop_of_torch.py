"""Weights that an optimizer of torch itself trained in a loop, against those of fit."""

import keras
import numpy as np
import torch

x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = x[:, :1]


def build():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])


fitted, looped = build(), build()
fitted.compile("adam", "mse")
fitted.fit(x, y, batch_size=16, epochs=2, verbose=0)
optimizer = torch.optim.Adam(looped.parameters(), lr=0.01)
for _ in range(2):
    for i in range(0, 64, 16):
        error = looped(x[i : i + 16]) - torch.tensor(y[i : i + 16])
        optimizer.zero_grad()
        (error**2).mean().backward()
        optimizer.step()
print(fitted.predict(x, verbose=0)[:2], looped.predict(x, verbose=0)[:2])
