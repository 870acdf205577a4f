import keras
import numpy as np

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)
x = rng.normal(size=(100, 32)).astype("float32")
y = x[:, :3].argmax(1)


def build():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((32,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(3, activation="softmax", dtype="float32"),
        ]
    )


full = build()
keras.config.set_dtype_policy("mixed_float16")
half = build()
half.set_weights(full.get_weights())
print(np.abs(full.predict(x, verbose=0) - half.predict(x, verbose=0)).max())
