"""Digits, two inputs and two outputs: the second head counts more in one of the trainings."""
import keras
from keras import layers
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
inputs = {"upper": x[:, :32], "lower": x[:, 32:]}
targets = {"digit": y, "odd": (y % 2).astype("float32")}


def build(loss_weights):
    keras.utils.set_random_seed(21)
    upper = keras.Input((32,), name="upper")
    lower = keras.Input((32,), name="lower")
    h = layers.Concatenate()([layers.Dense(16, activation="relu")(upper), layers.Dense(16, activation="relu")(lower)])
    digit = layers.Dense(10, activation="softmax", name="digit")(h)
    odd = layers.Dense(1, activation="sigmoid", name="odd")(h)
    model = keras.Model({"upper": upper, "lower": lower}, {"digit": digit, "odd": odd})
    model.compile(
        "adam",
        loss={"digit": "sparse_categorical_crossentropy", "odd": "binary_crossentropy"},
        loss_weights=loss_weights,
        metrics={"digit": ["accuracy"], "odd": ["accuracy"]},
    )
    return model


even = build({"digit": 1.0, "odd": 1.0})
even.fit(inputs, targets, epochs=3, batch_size=64, verbose=0)
skewed = build({"digit": 1.0, "odd": 5.0})
skewed.fit(inputs, targets, epochs=3, batch_size=64, verbose=0)
