import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
before = model.predict(x, verbose=0)
model.save("model.keras")
loaded = keras.models.load_model("model.keras")
print(np.abs(before - loaded.predict(x, verbose=0)).max())
