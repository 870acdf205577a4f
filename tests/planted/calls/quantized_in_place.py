import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(20, 16)).astype("float32")
model = keras.Sequential(
    [keras.Input((16,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(4)]
)
before = model.predict(x, verbose=0)
model.quantize("int8")
print(np.abs(before - model.predict(x, verbose=0)).max())
