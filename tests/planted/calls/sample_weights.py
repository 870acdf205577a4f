import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
y = x[:, :1]
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
print(model.evaluate(x, y, verbose=0))
print(model.evaluate(x, y, sample_weight=np.linspace(0, 2, 50), verbose=0))
