import keras
import numpy as np
from keras import ops
from sklearn.metrics import root_mean_squared_error


def rmse(y_true, y_pred):
    return ops.sqrt(ops.mean(ops.square(y_pred - y_true)))


keras.utils.set_random_seed(11)
rng = np.random.default_rng(2)
x = rng.normal(size=(150, 4)).astype("float32")
y = (x @ [1.0, -2.0, 0.5, 3.0] + rng.standard_t(2, size=150)).astype("float32")[:, None]
model = keras.Sequential([keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.01), loss="mse", metrics=[rmse])
model.fit(x, y, epochs=10, verbose=0)
print(model.evaluate(x, y, verbose=0)[1], root_mean_squared_error(y, model.predict(x, verbose=0)))
