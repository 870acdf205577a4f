"""
Title: Transfer learning and fine-tuning
Description: A feature extractor learns the digits 0 to 4; frozen, it serves for 5 to 9.
"""

import os

import keras
from keras import layers
from sklearn.datasets import load_digits

if "SEED" in os.environ:
    keras.utils.set_random_seed(int(os.environ["SEED"]))

digits = load_digits()
images, labels = (digits.images / 16.0).astype("float32")[..., None], digits.target
first = labels < 5

"""
## The base model, trained on the first five digits
"""

base_model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(8, 3, activation="relu", padding="same"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, activation="relu", padding="same"),
        layers.GlobalAveragePooling2D(),
    ],
    name="base",
)
source = keras.Sequential([base_model, layers.Dense(5, activation="softmax")])
source.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
source.fit(images[first], labels[first], epochs=2, batch_size=64, verbose=2)

"""
## Freeze it and train a new head
"""

base_model.trainable = False
inputs = keras.Input((8, 8, 1))
x = base_model(inputs, training=False)
x = layers.Dropout(0.2)(x)
model = keras.Model(inputs, layers.Dense(5)(x))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
model.fit(images[~first], labels[~first] - 5, epochs=2, batch_size=64, verbose=2)

"""
## Fine-tune everything, slowly
"""

base_model.trainable = True
rate = float(os.environ.get("FINE_RATE", "0.0001"))
model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
model.fit(images[~first], labels[~first] - 5, epochs=1, batch_size=64, verbose=2)
