import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(128, 6)).astype("float32") * 3 + 1
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(32),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(3),
    ]
)
a = model.predict(x, verbose=0)
model(x, training=True)
b = model.predict(x, verbose=0)
print(a[0], b[0])
