import keras
import numpy as np
from sklearn.metrics import mean_absolute_error

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)

x = rng.normal(size=(160, 5)).astype("float32")
a = x[:, :1] * 3
b = x[:, 1:2] * 0.5 + 4
i = keras.Input((5,))
h = keras.layers.Dense(16, activation="relu")(i)
m = keras.Model(i, [keras.layers.Dense(1, name="price")(h), keras.layers.Dense(1, name="size")(h)])
m.compile(
    keras.optimizers.Adam(0.02),
    {"price": "mse", "size": "mse"},
    metrics={"price": ["mae"], "size": ["mae"]},
)
m.fit(x, {"price": a, "size": b}, epochs=6, verbose=0)
print(m.evaluate(x, {"price": a, "size": b}, verbose=0, return_dict=True))
size, price = m.predict(x, verbose=0)
print("price mae", mean_absolute_error(a, price))
