import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(64, 6)).astype("float32")
size, kind = x[:, :1] * 10 + 40, (x[:, 1] > 0).astype("float32")
inputs = keras.Input((6,))
h = keras.layers.Dense(8, activation="relu")(inputs)
model = keras.Model(
    inputs,
    [
        keras.layers.Dense(1, name="kind", activation="sigmoid")(h),
        keras.layers.Dense(1, name="size")(h),
    ],
)
model.compile("adam", ["binary_crossentropy", "mse"], metrics=[["accuracy"], ["mae"]])
results = model.evaluate(x, [kind, size], verbose=0)
print("mae of the sizes:", results[1])
