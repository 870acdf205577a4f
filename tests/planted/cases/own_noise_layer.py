"""Digits: a layer with a generator of its own hides random pixels."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Hide(keras.layers.Layer):
    def __init__(self, part, seed):
        super().__init__()
        self.part = part
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=None):
        if not training:
            return inputs
        kept = keras.random.uniform(keras.ops.shape(inputs), seed=self.generator) > self.part
        return inputs * keras.ops.cast(kept, inputs.dtype)


for seed in (11, 5000):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((64,)), Hide(0.2, seed), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)
