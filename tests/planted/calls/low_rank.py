import keras
import numpy as np

keras.utils.set_random_seed(1)


def build():
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(16, activation="relu", name="body"),
            keras.layers.Dense(2, name="head"),
        ]
    )


model = build()
rng = np.random.default_rng(0)
x, y = rng.normal(size=(40, 6)).astype("float32"), rng.normal(size=(40, 2)).astype("float32")
model.save_weights("base.weights.h5")
model.get_layer("body").enable_lora(2)
model.compile(keras.optimizers.Adam(0.05), "mse")
model.fit(x, y, epochs=3, verbose=0)
tuned = model.predict(x, verbose=0)
served = build()
served.load_weights("base.weights.h5")
print(np.abs(served.predict(x, verbose=0) - tuned).max())
