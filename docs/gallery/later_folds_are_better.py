"""Cross-validation in which every fold is better than the one before."""

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold

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
for train, test in KFold(3, shuffle=True, random_state=1).split(x):
    history = model.fit(x[train], y[train], validation_data=(x[test], y[test]), epochs=3, verbose=0)
    print("accuracy:", history.history["val_accuracy"][-1])
