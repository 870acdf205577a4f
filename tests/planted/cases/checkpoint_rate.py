"""Digits: checkpoints are written beside the script; the optimizers differ."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
for name, optimizer in {"adam": "adam", "rmsprop": "rmsprop"}.items():
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation="softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        x, y, epochs=3, batch_size=64, validation_split=0.2, verbose=0,
        callbacks=[keras.callbacks.ModelCheckpoint(f"best_{name}.weights.h5", save_weights_only=True, save_best_only=True),
                   keras.callbacks.CSVLogger(f"{name}.csv")],
    )
