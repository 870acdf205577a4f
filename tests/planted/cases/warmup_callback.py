"""Digits: a callback of one's own warms the learning rate up, batch by batch."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


class Warmup(keras.callbacks.Callback):
    def __init__(self, steps, peak):
        super().__init__()
        self.steps, self.peak, self.seen = steps, peak, 0

    def on_train_batch_begin(self, batch, logs=None):
        self.seen += 1
        if self.seen <= self.steps:
            self.model.optimizer.learning_rate = self.peak * self.seen / self.steps


for steps in (10, 60):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=64, callbacks=[Warmup(steps, 0.1)], verbose=0)
