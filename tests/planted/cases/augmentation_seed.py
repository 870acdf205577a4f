"""Digits with random flips and rotations inside the model; the layers have other seeds."""
import keras
from keras import layers
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x[:600] / 16.0).reshape(-1, 8, 8, 1).astype("float32")
y = y[:600]


def train(seed):
    keras.utils.set_random_seed(14)
    model = keras.Sequential([
        keras.Input((8, 8, 1)),
        layers.RandomFlip("horizontal", seed=seed),
        layers.RandomRotation(0.05, seed=seed + 1),
        layers.Conv2D(6, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=2, batch_size=50, verbose=0)


train(100)
train(2000)
