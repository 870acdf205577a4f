import keras
import numpy as np

keras.utils.set_random_seed(1)
model = keras.Sequential(
    [
        keras.Input((8, 8, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(4, 3),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
rgb = np.random.default_rng(0).integers(0, 256, size=(12, 8, 8, 3)).astype("uint8")
print(np.abs(model.predict(rgb, verbose=0) - model.predict(rgb[..., ::-1], verbose=0)).max())
