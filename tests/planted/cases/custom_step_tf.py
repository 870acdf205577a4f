"""Digits: a hand-written train_step; one of the two forgets training=True."""
import keras
import tensorflow as tf
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


def network(cls):
    i = keras.Input((64,))
    h = keras.layers.Dense(32, activation="relu")(i)
    h = keras.layers.BatchNormalization()(h)
    return cls(i, keras.layers.Dense(10, activation="softmax")(h))


class Careful(keras.Model):
    def train_step(self, data):
        xb, yb = data
        with tf.GradientTape() as tape:
            p = self(xb, training=True)
            loss = self.compute_loss(y=yb, y_pred=p)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        return {"loss": loss}


class Careless(keras.Model):
    def train_step(self, data):
        xb, yb = data
        with tf.GradientTape() as tape:
            p = self(xb)
            loss = self.compute_loss(y=yb, y_pred=p)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        return {"loss": loss}


for cls in (Careful, Careless):
    keras.utils.set_random_seed(8)
    model = network(cls)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=3, batch_size=64, verbose=0)
