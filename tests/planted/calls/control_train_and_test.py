import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(120, 4)).astype("float32")
y = x[:, :1]
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x[:60], y[:60], verbose=0)
print(model.evaluate(x[60:90], y[60:90], verbose=0), model.evaluate(x[90:], y[90:], verbose=0))
print(model.predict(x[60:90], verbose=0).mean(), model.predict(x[90:], verbose=0).mean())
