"""The same training with a fixed number of epochs, and with callbacks that step in."""

import keras
from sklearn.datasets import load_digits

images, labels = load_digits(return_X_y=True)
images = (images / 16.0).astype("float32")


def train(callbacks):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(
        images[:1200],
        labels[:1200],
        validation_data=(images[1200:], labels[1200:]),
        batch_size=64,
        epochs=12,
        callbacks=callbacks,
        verbose=0,
    )
    return model.evaluate(images[1200:], labels[1200:], verbose=0)[1]


plain = train([])
steered = train(
    [
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=1),
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=3),
    ]
)
print(f"fixed {plain:.4f}, with callbacks {steered:.4f}")
