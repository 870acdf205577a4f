import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.9), "mse")
last = keras.callbacks.ModelCheckpoint("last.keras")
model.fit(x[:32], x[:32, :1], epochs=2, verbose=0, callbacks=[last])
loaded = keras.models.load_model("last.keras")
rows, labels = x[32:], x[32:, :1]
print(model.evaluate(rows, labels, verbose=0), loaded.evaluate(rows, labels, verbose=0))
