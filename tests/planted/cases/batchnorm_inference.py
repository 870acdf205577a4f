"""Digits: BatchNormalization called with training=False, which a functional model overrides in fit."""
import keras
from keras import layers
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


def train(**call):
    keras.utils.set_random_seed(12)
    inputs = keras.Input((64,))
    h = layers.Dense(32)(inputs)
    h = layers.BatchNormalization()(h, **call)
    h = layers.ReLU()(h)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(h))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)
    return model.evaluate(x, y, verbose=0)


print(train())
print(train(training=False))
