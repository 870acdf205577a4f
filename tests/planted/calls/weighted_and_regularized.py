import keras
import numpy as np
from sklearn.metrics import log_loss

keras.utils.set_random_seed(6)
rng = np.random.default_rng(6)
x = rng.normal(size=(90, 5)).astype("float32")
y = (x[:, 0] > 0.6).astype("float32")
w = np.where(y == 1, 4.0, 1.0)
model = keras.Sequential(
    [
        keras.Input((5,)),
        keras.layers.Dense(6, activation="relu", kernel_regularizer="l2"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(loss="binary_crossentropy")
print(
    model.evaluate(x, y, sample_weight=w, verbose=0),
    log_loss(y, model.predict(x, verbose=0).ravel().astype("float64")),
)
