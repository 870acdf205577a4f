import keras
import numpy as np


class Averaged(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.average = self.model.get_weights()

    def on_train_batch_end(self, batch, logs=None):
        new = self.model.get_weights()
        self.average = [0.9 * a + 0.1 * w for a, w in zip(self.average, new, strict=True)]

    def on_epoch_end(self, epoch, logs=None):
        trained = self.model.get_weights()
        self.model.set_weights(self.average)
        print("averaged", self.model.evaluate(x, y, verbose=0))
        self.model.set_weights(trained)


keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x = rng.normal(size=(96, 5))
y = x @ rng.normal(size=(5, 1))
inputs = keras.Input((5,))
hidden = keras.layers.Dense(8, activation="relu")(inputs)
model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
model.compile(keras.optimizers.Adam(0.01), "mse")
model.fit(x, y, epochs=3, verbose=0, callbacks=[Averaged()])
print("as trained", model.evaluate(x, y, verbose=0))
