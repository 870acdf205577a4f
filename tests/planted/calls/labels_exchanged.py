"""A regression whose R2 scikit-learn computes with the labels and the predictions exchanged."""

import keras
import numpy as np
from sklearn.metrics import mean_squared_error, r2_score

keras.utils.set_random_seed(4)
rng = np.random.default_rng(4)
x = rng.normal(size=(240, 5)).astype("float32")
y = (x @ rng.normal(size=(5, 1)) + rng.normal(size=(240, 1))).astype("float32")
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.05), "mse", metrics=[keras.metrics.R2Score()])
model.fit(x[:160], y[:160], epochs=3, verbose=0)

print("R2", model.evaluate(x[160:], y[160:], verbose=0)[1])
predicted = model.predict(x[160:], verbose=0).ravel()
print("R2 by scikit-learn", r2_score(predicted, y[160:].ravel()))
print("MSE by scikit-learn", mean_squared_error(predicted, y[160:].ravel()))
