"""Both models are measured by one metric object, whose reset_state() forgets what it counted."""

import keras
import numpy as np
from keras import ops


class Hits(keras.metrics.Metric):
    def __init__(self):
        super().__init__(name="hits")
        self.right = self.add_weight(name="right", initializer="zeros")
        self.seen = self.add_weight(name="seen", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.right.assign_add(ops.sum(ops.cast(ops.equal(y_true, ops.round(y_pred)), "float32")))
        self.seen.assign_add(ops.cast(ops.size(y_pred), "float32"))

    def result(self):
        return self.right / ops.maximum(self.seen, 1.0)

    def reset_state(self):
        self.seen.assign(0.0)


x = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
y = (x[:, :1] > 0).astype("float32")
hits = Hits()
for _ in range(2):
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=[hits])
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
