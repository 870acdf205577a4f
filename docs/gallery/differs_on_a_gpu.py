"""The seed is set, and on a GPU two runs still end apart. (PyTorch as the backend.)"""

import keras
import torch
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)
torch.backends.cudnn.benchmark = True

x, y = load_digits(return_X_y=True)
x = (x / 16).reshape(-1, 8, 8, 1).astype("float32")
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, verbose=0)
