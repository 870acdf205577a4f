import keras
import numpy as np
from sklearn.metrics import mean_squared_error
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)

x = rng.normal(size=(160, 5)).astype("float32")
price = x[:, :1] * 50 + 200
s = StandardScaler().fit(price)
t = s.transform(price).astype("float32")
m = keras.Sequential(
    [keras.Input((5,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)]
)
m.compile(keras.optimizers.Adam(0.02), "mse")
m.fit(x, t, epochs=5, verbose=0)
print("evaluate mse", m.evaluate(x, t, verbose=0))
print("mse", mean_squared_error(price, s.inverse_transform(m.predict(x, verbose=0))))
