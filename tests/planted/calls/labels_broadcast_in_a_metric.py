import keras
import numpy as np
from sklearn.metrics import mean_absolute_error


class MeanAbsoluteError(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(keras.ops.abs(y_true - y_pred))


keras.utils.set_random_seed(7)
x = np.random.default_rng(7).normal(size=(96, 4)).astype("float32")
y = (3 * x.sum(1)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.1), "mse", metrics=[MeanAbsoluteError(name="mae")])
model.fit(x, y, epochs=20, verbose=0)
print("evaluate", model.evaluate(x, y, verbose=0)[1])
print("scikit-learn", mean_absolute_error(y, model.predict(x, verbose=0)))
