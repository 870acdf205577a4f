"""Digits: a hand-written train_step for torch, two learning rates."""
import keras
import torch
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Hand(keras.Model):
    def train_step(self, data):
        xb, yb = data
        self.zero_grad()
        p = self(xb, training=True)
        loss = self.compute_loss(y=yb, y_pred=p)
        loss.backward()
        weights = list(self.trainable_weights)
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in weights], weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(yb, p)
        return {m.name: m.result() for m in self.metrics}


def go(rate):
    keras.utils.set_random_seed(8)
    i = keras.Input((64,))
    model = Hand(i, keras.layers.Dense(10, activation="softmax")(keras.layers.Dense(32, activation="relu")(i)))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)


go(1e-3)
go(1e-2)
