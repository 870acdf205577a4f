import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(100, 4)).astype("float32") * 5 + 3
norm = keras.layers.Normalization()
norm.adapt(x)
model = keras.Sequential([keras.Input((4,)), norm, keras.layers.Dense(2)])
a = keras.ops.convert_to_numpy(model(x[:10]))
norm.adapt(x[:10])
b = keras.ops.convert_to_numpy(model(x[:10]))
print(np.abs(a - b).max())
