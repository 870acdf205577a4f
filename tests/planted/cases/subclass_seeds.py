"""Digits with a subclassed model that goes through self.layers; no seed between the builds."""
import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(17)
x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Stack(keras.Model):
    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes
        self.blocks = [keras.layers.Dense(n, activation="relu") for n in sizes]
        self.norm = keras.layers.LayerNormalization()
        self.out = keras.layers.Dense(10)

    def call(self, v, training=False):
        for block in self.layers[:-2]:
            v = block(v)
        return self.out(self.norm(v))


models = []
for _ in range(2):
    m = Stack([32, 16])
    m.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    m.fit(x, y, epochs=3, batch_size=64, shuffle=False, verbose=0)
    models.append(m)
