"""Digits: a hand-written train_step for JAX, two learning rates."""
import jax
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Hand(keras.Model):
    def loss_and_more(self, tv, ntv, xb, yb):
        p, ntv = self.stateless_call(tv, ntv, xb, training=True)
        return self.compute_loss(xb, yb, p), ntv

    def train_step(self, state, data):
        tv, ntv, ov, mv = state
        xb, yb = data
        (loss, ntv), grads = jax.value_and_grad(self.loss_and_more, has_aux=True)(tv, ntv, xb, yb)
        tv, ov = self.optimizer.stateless_apply(ov, grads, tv)
        return {"loss": loss}, (tv, ntv, ov, mv)


def go(rate):
    keras.utils.set_random_seed(8)
    i = keras.Input((64,))
    model = Hand(i, keras.layers.Dense(10, activation="softmax")(keras.layers.Dense(32, activation="relu")(i)))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)


go(1e-3)
go(1e-2)
