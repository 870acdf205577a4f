"""A layer width and a learning rate from default_rng() without a seed."""
import keras
import numpy as np

keras.utils.set_random_seed(42)
rng = np.random.default_rng()
units = int(rng.integers(8, 64))
lr = float(10 ** rng.uniform(-4, -1))
x = np.random.RandomState(0).normal(size=(100, 4)).astype("float32")
y = x[:, :1] ** 2
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(lr), "mse")
model.fit(x, y, epochs=2, verbose=0)
