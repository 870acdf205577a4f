import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(2)])
model.compile("sgd", "mse")
model.fit(x, x[:, :2], verbose=0)
copy = keras.models.clone_model(model)
print(np.abs(model.predict(x, verbose=0) - copy.predict(x, verbose=0)).max())
