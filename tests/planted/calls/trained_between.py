import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(3, 2, size=(48, 8)).astype("float32")
base = keras.Sequential(
    [keras.Input((8,)), keras.layers.Dense(6), keras.layers.BatchNormalization()]
)
base.layers[0].trainable = False
model = keras.Sequential([base, keras.layers.Dense(1)])
model.compile("adam", "mse")
before = base.predict(x, verbose=0)
model.fit(x, x[:, :1], verbose=0)
print(np.abs(before - base.predict(x, verbose=0)).max())
