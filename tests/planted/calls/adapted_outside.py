import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(200, 4)).astype("float32") * 5 + 3
later = rng.normal(size=(60, 4)).astype("float32") * 2 - 1
scale = keras.layers.Normalization()
scale.adapt(x)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2)])
a = model.predict(keras.ops.convert_to_numpy(scale(x[:20])), verbose=0)
scale.adapt(later)
b = model.predict(keras.ops.convert_to_numpy(scale(x[:20])), verbose=0)
print(np.abs(a - b).max())
