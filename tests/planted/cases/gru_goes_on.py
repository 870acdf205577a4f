"""A stateful GRU: predict before the second training leaves another hidden state."""
import keras
import numpy as np

rng = np.random.default_rng(4)
x = rng.normal(size=(96, 6, 2)).astype("float32")
y = x.sum((1, 2))[:, None] / 4


def train(warm_up):
    keras.utils.set_random_seed(31)
    model = keras.Sequential([
        keras.Input(batch_shape=(16, 6, 2)), keras.layers.GRU(5, stateful=True), keras.layers.Dense(1)
    ])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    if warm_up:
        model.predict(x[:32], batch_size=16, verbose=0)
    model.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=0)


train(False)
train(True)
