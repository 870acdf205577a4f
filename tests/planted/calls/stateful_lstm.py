import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
model = keras.Sequential([keras.Input(batch_shape=(4, 6, 3)), keras.layers.LSTM(5, stateful=True)])
a = model.predict(x, batch_size=4, verbose=0)
b = model.predict(x, batch_size=4, verbose=0)
print(np.abs(a - b).max())
