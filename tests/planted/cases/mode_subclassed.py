"""Digits: two subclassed networks; one keeps its BatchNormalization in inference mode."""
import keras
from keras import layers
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.d1 = layers.Dense(32)
        self.bn = layers.BatchNormalization()
        self.d2 = layers.Dense(10, activation="softmax")

    def call(self, inputs, training=False):
        h = keras.ops.relu(self.bn(self.d1(inputs), training=training))
        return self.d2(h)


class Stuck(Net):
    def call(self, inputs, training=False):
        h = keras.ops.relu(self.bn(self.d1(inputs), training=False))
        return self.d2(h)


for cls in (Net, Stuck):
    keras.utils.set_random_seed(11)
    model = cls()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)
