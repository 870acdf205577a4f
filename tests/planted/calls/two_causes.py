import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(32, 8)).astype("float32") * 4 + 2
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(16, "relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(1),
    ]
)
a = model.predict(x, verbose=0)
b = keras.ops.convert_to_numpy(model((x - x.mean(0)) / x.std(0), training=True))
print(np.abs(a - b).max())
