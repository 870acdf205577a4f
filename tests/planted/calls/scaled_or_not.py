import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).integers(0, 255, size=(40, 12))
y = (x[:, 0] > 100).astype("float32")
model = keras.Sequential(
    [keras.Input((12,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x / 255.0, y, epochs=3, verbose=0)
print(model.evaluate(x / 255.0, y, verbose=0), model.evaluate(x.astype("float32"), y, verbose=0))
