"""
Title: Classifying handwritten digits with augmentation layers
Description: A small convolutional network with random translation, rotation and zoom in front.
"""

import os

import keras
from keras import layers
from sklearn.datasets import load_digits

if "SEED" in os.environ:
    keras.utils.set_random_seed(int(os.environ["SEED"]))

"""
## Prepare the data
"""

digits = load_digits()
images = (digits.images / 16.0).astype("float32")[..., None]
x_train, y_train = images[:1200], digits.target[:1200]
x_test, y_test = images[1200:], digits.target[1200:]

"""
## Build the model
"""

data_augmentation = keras.Sequential(
    [
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomRotation(0.05),
        layers.RandomZoom(0.1),
    ],
    name="data_augmentation",
)


def make_model(input_shape, num_classes):
    inputs = keras.Input(shape=input_shape)
    x = data_augmentation(inputs)
    for size in (8, 16):
        x = layers.Conv2D(size, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
        residual = layers.Conv2D(size, 1)(x)
        x = layers.SeparableConv2D(size, 3, padding="same")(x)
        x = layers.add([x, residual])
        x = layers.MaxPooling2D(2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.25)(x)
    return keras.Model(inputs, layers.Dense(num_classes)(x))


model = make_model((8, 8, 1), 10)

"""
## Train the model
"""

model.compile(
    optimizer=keras.optimizers.Adam(float(os.environ.get("LEARNING_RATE", "0.003"))),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
)
model.fit(
    x_train,
    y_train,
    batch_size=64,
    epochs=2,
    validation_data=(x_test, y_test),
    callbacks=[keras.callbacks.ModelCheckpoint("digits_{epoch}.keras")],
    verbose=2,
)
