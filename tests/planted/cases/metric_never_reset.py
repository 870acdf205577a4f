"""A metric whose reset_state sets nothing back, beside the built-in one."""
import keras
import numpy as np

x = np.random.RandomState(5).normal(size=(96, 4)).astype("float32")
y = (x[:, 0] > 0).astype("float32")[:, None]


class HitRate(keras.metrics.Metric):
    def __init__(self, name="hit_rate", **kwargs):
        super().__init__(name=name, **kwargs)
        self.hits = self.add_variable((), initializer="zeros", name="hits")
        self.seen = self.add_variable((), initializer="zeros", name="seen")

    def update_state(self, y_true, y_pred, sample_weight=None):
        same = keras.ops.cast(keras.ops.equal(y_true, keras.ops.round(y_pred)), "float32")
        self.hits.assign(self.hits + keras.ops.sum(same))
        self.seen.assign(self.seen + keras.ops.cast(keras.ops.size(same), "float32"))

    def result(self):
        return self.hits / self.seen

    def reset_state(self):
        pass


for metric in (keras.metrics.BinaryAccuracy(name="hit_rate"), HitRate()):
    keras.utils.set_random_seed(1)
    m = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
    m.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=[metric])
    print(m.fit(x, y, epochs=4, verbose=0).history["hit_rate"])
