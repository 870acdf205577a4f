import keras
import numpy as np

keras.utils.set_random_seed(1)
images = np.random.default_rng(0).integers(0, 256, size=(6, 12), dtype="uint8")
model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(4, activation="softmax")])
model.save("model.keras")


def classify(image):
    return keras.models.load_model("model.keras").predict(image[None], verbose=0)[0]


together = model.predict(images / 255.0, verbose=0)
print(np.abs(together - np.array([classify(image) for image in images])).max())
