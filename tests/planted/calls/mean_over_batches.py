import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(70, 5)).astype("float32")
x[60:] *= 4
y = x[:, :1] * x[:, 1:2]
model = keras.Sequential(
    [keras.Input((5,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(1)]
)
model.compile("adam", "mse")
losses = []
for i in range(0, 70, 20):
    losses.append(model.test_on_batch(x[i : i + 20], y[i : i + 20]))
print("evaluate:", model.evaluate(x, y, verbose=0), " mean over batches:", np.mean(losses))
