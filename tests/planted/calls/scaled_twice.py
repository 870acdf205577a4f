import keras
import numpy as np

keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)
images = rng.integers(0, 256, (120, 8, 8, 3)).astype("float32")
y = (images[..., 0].mean((1, 2)) > images[..., 1].mean((1, 2))).astype("float32")
m = keras.Sequential(
    [
        keras.Input((8, 8, 3)),
        keras.layers.Rescaling(1 / 127.5, offset=-1),
        keras.layers.Flatten(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
m.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
m.fit(images, y, epochs=5, verbose=0)
print("accuracy", m.evaluate(images, y, verbose=0)[1])
prepared = images / 127.5 - 1
print("by hand", np.mean((m.predict(prepared, verbose=0)[:, 0] > 0.5) == y))
