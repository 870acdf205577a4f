import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
model = keras.Sequential(
    [keras.Input(batch_shape=(4, 6, 3)), keras.layers.GRU(5, stateful=True), keras.layers.Dense(2)]
)
first = keras.ops.convert_to_numpy(model(x))
print(np.abs(first - keras.ops.convert_to_numpy(model(x))).max())
