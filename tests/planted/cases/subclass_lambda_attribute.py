"""Digits with hand-made layers that cannot be serialised; the activations differ."""
import keras
from keras import ops
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Affine(keras.layers.Layer):
    def __init__(self, units, act):
        super().__init__()
        self.units = units
        self.act = act

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer="glorot_normal", name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

    def call(self, inputs):
        return self.act(ops.matmul(inputs, self.w) + self.b)


class Net(keras.Model):
    def __init__(self, act):
        super().__init__()
        self.hidden = Affine(32, act)
        self.head = Affine(10, lambda v: v)

    def call(self, inputs):
        return self.head(self.hidden(inputs))


def run(act):
    keras.utils.set_random_seed(3)
    net = Net(act)
    net.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    net.fit(x, y, batch_size=64, epochs=3, verbose=0)


run(lambda v: ops.maximum(v, 0.0))
run(lambda v: ops.sin(v))
