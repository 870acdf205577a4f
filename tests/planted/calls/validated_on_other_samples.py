import keras
import numpy as np

keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x = rng.normal(size=(260, 20)).astype("float32")
y = (x[:, 0] + rng.normal(size=260) > 0).astype("float32")
model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
history = model.fit(x[:200], y[:200], epochs=25, validation_data=(x[200:], y[200:]), verbose=0)
logged = history.history
print("trained", logged["loss"][-1], "validated", logged["val_loss"][-1])
