import keras
import numpy as np

keras.utils.set_random_seed(12)
x = np.random.default_rng(1).normal(size=(200, 12)).astype("float32")
y = np.eye(4, dtype="float32")[x[:, :4].argmax(1)]
model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(4, activation="softmax")])
model.compile("adam", "categorical_crossentropy", metrics=["accuracy", "binary_accuracy"])
model.fit(x, y, epochs=2, verbose=0)
result = model.evaluate(x, y, verbose=0, return_dict=True)
print("accuracy", result["accuracy"], "binary accuracy", result["binary_accuracy"])
