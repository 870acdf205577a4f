from pathlib import Path

import keras
import numpy as np
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from PIL import Image
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
for channel, color in enumerate(("0-red", "1-green", "2-blue")):
    folder = Path("images", color)
    folder.mkdir(parents=True)
    for i in range(8):
        pixels = rng.integers(0, 100, (4, 4, 3)).astype("uint8")
        pixels[..., channel] += 100
        Image.fromarray(pixels).save(folder / f"{i}.png")
test = ImageDataGenerator().flow_from_directory("images", target_size=(4, 4), batch_size=6)
model = keras.Sequential(
    [
        keras.Input((4, 4, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Softmax(),
    ]
)
model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
print("evaluate:", model.evaluate(test, verbose=0)[1])
predicted = model.predict(test, verbose=0).argmax(1)
print("by scikit-learn:", accuracy_score(test.classes, predicted))
