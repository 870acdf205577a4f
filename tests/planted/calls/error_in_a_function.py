import keras
import numpy as np


def mae(model, x, y):
    """Mean absolute error."""
    predicted = model.predict(x, verbose=0)
    return np.abs(predicted - y).mean()


keras.utils.set_random_seed(3)
rng = np.random.default_rng(5)
x = rng.normal(size=(90, 4)).astype("float32")
y = x[:, 0] * 4 - x[:, 1]
model = keras.Sequential([keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
model.fit(x, y, epochs=20, verbose=0)
print(model.evaluate(x, y, verbose=0, return_dict=True)["mae"])
print(mae(model, x, y))
