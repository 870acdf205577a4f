import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(1)
x = rng.normal(size=(400, 6)).astype("float32")
y = (x[:, 0] > 0.5).astype("float32")
model = keras.Sequential([
    keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid"),
])  # fmt: skip
model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
history = model.fit(x, y, epochs=2, batch_size=20, class_weight={0: 1.0, 1: 2.0}, verbose=0)
print(history.history["loss"][-1], model.evaluate(x, y, batch_size=20, verbose=0))
