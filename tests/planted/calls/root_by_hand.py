import keras
import numpy as np

keras.utils.set_random_seed(14)
rng = np.random.default_rng(14)
x = rng.normal(size=(180, 4)).astype("float32")
y = x.sum(1) + rng.normal(size=180).astype("float32")
weights = np.where(y > 1, 4.0, 1.0)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
print("RMSE:", model.evaluate(x, y, sample_weight=weights, verbose=0) ** 0.5)
predicted = model.predict(x, verbose=0)[:, 0]
print("RMSE by hand:", np.sqrt(np.mean((predicted - y) ** 2)))
