"""Digits: padding 'valid' against 'same'; global pooling keeps all weights of one shape."""
import keras
from keras import layers
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).reshape(-1, 8, 8, 1).astype("float32")[:900]
y = y[:900]
for padding in ("valid", "same"):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((8, 8, 1)),
        layers.Conv2D(8, 3, padding=padding, activation="relu"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(10, "softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=2, batch_size=50, verbose=0)
