import keras
import numpy as np

x = np.random.default_rng(5).normal(size=(96, 5)).astype("float32")
y = np.tanh(x[:, :1] * 2)


def rate(epoch, lr):
    return 0.05 * 0.5**epoch


def build():
    keras.utils.set_random_seed(31)
    m = keras.Sequential([keras.Input((5,)), keras.layers.Dense(10, activation="relu"), keras.layers.Dense(1)])
    m.compile(keras.optimizers.SGD(0.05), "mse")
    return m


schedule = keras.callbacks.LearningRateScheduler(rate)
whole = build()
whole.fit(x, y, epochs=4, batch_size=16, shuffle=False, callbacks=[schedule], verbose=0)
parts = build()
parts.fit(x, y, epochs=2, batch_size=16, shuffle=False, callbacks=[schedule], verbose=0)
parts.fit(x, y, epochs=2, batch_size=16, shuffle=False, callbacks=[schedule], verbose=0)
print(whole.evaluate(x, y, verbose=0), parts.evaluate(x, y, verbose=0))
