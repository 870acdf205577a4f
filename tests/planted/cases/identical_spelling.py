"""Digits: the same settings, written in two ways."""
import keras
from keras import layers
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")

keras.utils.set_random_seed(1)
short = keras.Sequential([keras.Input((64,)), layers.Dense(32, "relu"), layers.Dense(10, "softmax")])
short.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
short.fit(x, y, 64, 3, verbose=0)

keras.utils.set_random_seed(1)
inputs = keras.Input(shape=(64,), name="pixels")
h = layers.Dense(units=32, activation=keras.activations.relu, name="first")(inputs)
outputs = layers.Dense(units=10, activation=keras.activations.softmax, name="second")(h)
long = keras.Model(inputs=inputs, outputs=outputs)
long.compile(
    optimizer=keras.optimizers.Adam(learning_rate=0.001),
    loss=keras.losses.SparseCategoricalCrossentropy(),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
)
long.fit(x, y, batch_size=64, epochs=3, shuffle=True, verbose=0)
