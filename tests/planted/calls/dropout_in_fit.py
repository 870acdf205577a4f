import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(128, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(32, "relu"),
        keras.layers.Dropout(0.7),
        keras.layers.Dense(1, "sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(0.001), "binary_crossentropy")
history = model.fit(x, y, epochs=30, verbose=0)
print(history.history["loss"][-1], model.evaluate(x, y, verbose=0))
