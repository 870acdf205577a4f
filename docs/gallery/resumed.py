"""Ten epochs at once, and five, a checkpoint and five more, are not the same training."""

import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")


def build():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


model = build()
model.fit(x, y, batch_size=128, epochs=5, shuffle=False, verbose=0)
model.save_weights("half.weights.h5", overwrite=True)
model.fit(x, y, batch_size=128, epochs=5, shuffle=False, verbose=0)

resumed = build()
resumed.load_weights("half.weights.h5")
resumed.fit(x, y, batch_size=128, epochs=5, shuffle=False, verbose=0)
