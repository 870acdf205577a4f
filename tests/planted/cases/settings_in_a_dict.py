"""Digits: a subclassed model that keeps its settings in a dictionary."""
import keras
from keras import ops
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Net(keras.Model):
    def __init__(self, settings):
        super().__init__()
        self.settings = settings
        self.hidden = keras.layers.Dense(32)
        self.head = keras.layers.Dense(10, "softmax")

    def call(self, inputs):
        h = self.hidden(inputs)
        h = ops.relu(h) if self.settings["relu"] else ops.tanh(h)
        return self.head(h * self.settings["gain"])


for settings in ({"relu": True, "gain": 1.0}, {"relu": False, "gain": 1.5}):
    keras.utils.set_random_seed(1)
    model = Net(settings)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)
