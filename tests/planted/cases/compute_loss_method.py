"""Digits: a subclass adds a confidence penalty in compute_loss."""
import keras
from keras import ops
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Penalised(keras.Model):
    strength = 0.0

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        return loss + self.strength * ops.mean(ops.sum(y_pred * y_pred, axis=-1))


def fit(strength):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((64,))
    outputs = keras.layers.Dense(10, "softmax")(keras.layers.Dense(32, "relu")(inputs))
    model = Penalised(inputs, outputs)
    model.strength = strength
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)


fit(0.0)
fit(0.5)
