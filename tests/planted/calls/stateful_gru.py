import keras
import numpy as np

keras.utils.set_random_seed(1)
model = keras.Sequential(
    [keras.Input(batch_shape=(4, 5, 3)), keras.layers.GRU(6, stateful=True), keras.layers.Dense(1)]
)
x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")
print(model.predict(x, verbose=0).ravel())
print(model.predict(x, verbose=0).ravel())
