"""
Title: Convolutional autoencoder for image denoising
Description: Digits with noise go in, digits without come out.
"""

import os

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

if "SEED" in os.environ:
    keras.utils.set_random_seed(int(os.environ["SEED"]))


def preprocess(array):
    """Normalizes the supplied array and reshapes it."""
    return np.reshape(array.astype("float32") / 16.0, (len(array), 8, 8, 1))


def noise(array, rng):
    """Adds random noise to each image in the supplied array."""
    return np.clip(array + 0.4 * rng.normal(size=array.shape), 0.0, 1.0).astype("float32")


"""
## Prepare the data
"""

images = preprocess(load_digits().images)
train_data, test_data = images[:1400], images[1400:]
rng = np.random.default_rng(int(os.environ.get("NOISE_SEED", "3")))
noisy_train_data, noisy_test_data = noise(train_data, rng), noise(test_data, rng)

"""
## Build the autoencoder
"""

inputs = layers.Input(shape=(8, 8, 1))
x = layers.Conv2D(8, (3, 3), activation="relu", padding="same")(inputs)
x = layers.MaxPooling2D((2, 2), padding="same")(x)
x = layers.Conv2D(8, (3, 3), activation="relu", padding="same")(x)
x = layers.MaxPooling2D((2, 2), padding="same")(x)
x = layers.Conv2DTranspose(8, (3, 3), strides=2, activation="relu", padding="same")(x)
x = layers.Conv2DTranspose(8, (3, 3), strides=2, activation="relu", padding="same")(x)
x = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
autoencoder = keras.Model(inputs, x)
autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
autoencoder.summary()

"""
## Train on noisy images, with the clean ones as targets
"""

autoencoder.fit(
    x=noisy_train_data,
    y=train_data,
    epochs=2,
    batch_size=128,
    shuffle=True,
    validation_data=(noisy_test_data, test_data),
    verbose=2,
)
predictions = autoencoder.predict(noisy_test_data, verbose=0)
