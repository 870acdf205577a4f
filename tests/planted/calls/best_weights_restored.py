import keras
import numpy as np

keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x = rng.normal(size=(60, 30)).astype("float32")
y = (x[:, :1] + rng.normal(size=(60, 1))).astype("float32")
model = keras.Sequential(
    [keras.Input((30,)), keras.layers.Dense(128, activation="relu"), keras.layers.Dense(1)]
)
model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
es = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
h = model.fit(
    x[:40], y[:40], validation_data=(x[40:], y[40:]), epochs=40, verbose=0, callbacks=[es]
)
print(
    "last val_loss",
    h.history["val_loss"][-1],
    "evaluate",
    model.evaluate(x[40:], y[40:], verbose=0),
)
