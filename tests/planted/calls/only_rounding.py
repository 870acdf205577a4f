import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(64, 300)).astype("float32")
model = keras.Sequential(
    [
        keras.Input((300,)),
        keras.layers.Dense(200, "gelu"),
        keras.layers.Dense(200, "gelu"),
        keras.layers.Dense(3, "softmax"),
    ]
)
a, b = model.predict(x, verbose=0), keras.ops.convert_to_numpy(model(x))
print(np.abs(a - b).max())
