import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(1)
x = rng.normal(size=(80, 6)).astype("float32")
y = (x[:, 0] > 1).astype("float32")
inputs = keras.Input((6,))
model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs))
model.compile(keras.optimizers.SGD(0.001), "binary_crossentropy")
history = model.fit(x, y, epochs=2, batch_size=80, class_weight={0: 1.0, 1: 8.0}, verbose=0)
print(history.history["loss"][-1], model.evaluate(x, y, batch_size=80, verbose=0))
