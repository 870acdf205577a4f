import keras
import numpy as np
from sklearn.metrics import log_loss

keras.utils.set_random_seed(5)
rng = np.random.default_rng(5)
x = rng.normal(size=(200, 5)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
inp = keras.Input((5,))
h = keras.layers.Dense(32, activation="relu", kernel_regularizer="l2")(inp)
model = keras.Model(inp, keras.layers.Dense(1, activation="sigmoid")(h))
model.compile("adam", "binary_crossentropy")
model.fit(x, y, epochs=5, verbose=0)
print(
    "evaluate",
    model.evaluate(x, y, verbose=0),
    "log loss",
    log_loss(y, model.predict(x, verbose=0).ravel().astype("float64")),
)
