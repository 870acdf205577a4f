import keras
import numpy as np

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.layers.Input((5,)),
        keras.layers.Dense(8),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(1),
    ]
)
x = np.random.default_rng(0).normal(size=(16, 5)).astype("float32")
as_array = keras.ops.convert_to_numpy
whole = as_array(model(x, training=True))
parts = [as_array(model(x[i : i + 4], training=True)) for i in range(0, 16, 4)]
print(np.abs(whole - np.concatenate(parts)).max())
