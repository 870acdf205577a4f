"""evaluate says 0.9, scikit-learn says 0.1 for the same model and the same data."""

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(1)
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:1200], y[:1200], epochs=5, verbose=0)

test = tf.data.Dataset.from_tensor_slices((x[1200:], y[1200:])).shuffle(600).batch(32)
print("evaluate:", model.evaluate(test, verbose=0)[1])
labels = np.concatenate([batch for _, batch in test])
predicted = model.predict(test, verbose=0).argmax(axis=1)
print("accuracy_score:", accuracy_score(labels, predicted))
