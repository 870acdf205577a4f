import keras
import numpy as np

keras.utils.set_random_seed(4)
x = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
y = x @ np.array([1.0, -0.5, 0.2], dtype="float32")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("adam", loss="mse")
told = model.evaluate(x, y, verbose=0)
predicted = model.predict(x, verbose=0)
by_hand = np.mean((predicted - y) ** 2)  # (60, 1) against (60,)
print(f"evaluate: {told:.4f}  by hand: {by_hand:.4f}")
