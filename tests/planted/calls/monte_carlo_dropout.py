import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
model = keras.Sequential(
    [keras.Input((4,)), keras.layers.Dense(32), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
)
a, b = (keras.ops.convert_to_numpy(model(x, training=True)) for _ in range(2))
print(np.abs(a - b).max())
