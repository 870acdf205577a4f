import keras
import numpy as np


class Counting(keras.Model):
    def __init__(self, dense):
        super().__init__()
        self.dense = dense
        self.error = keras.metrics.Mean(name="error")

    @property
    def metrics(self):
        return [self.error]

    def call(self, x):
        return self.dense(x)

    def train_step(self, *args):
        super().train_step(*args)
        self.error.update_state(1.0)
        return {"error": self.error.result()}


keras.utils.set_random_seed(6)
x = np.random.default_rng(6).normal(size=(64, 3)).astype("float32")
model = Counting(keras.layers.Dense(1))
model.compile("adam", "mse")
history = model.fit(x, x[:, :1], epochs=2, verbose=0)
error = model.evaluate(x, x[:, :1], verbose=0, return_dict=True)["error"]
print(history.history["error"][-1], error)
