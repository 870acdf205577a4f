"""
Title: Customizing what happens in fit()
Description: A train_step with label smoothing, written for each backend.
"""

import os

import keras
from keras import layers
from sklearn.datasets import load_digits

if "SEED" in os.environ:
    keras.utils.set_random_seed(int(os.environ["SEED"]))

SMOOTHING = float(os.environ.get("SMOOTHING", "0.1"))


def smooth(y):
    """One-hot labels with a little of every other class."""
    return y * (1.0 - SMOOTHING) + SMOOTHING / 10


class CustomModel(keras.Model):
    def measured(self, loss):
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        return {metric.name: metric.result() for metric in self.metrics}

    if keras.backend.backend() == "jax":

        def compute_loss_and_updates(self, trainable, non_trainable, x, y):
            y_pred, non_trainable = self.stateless_call(trainable, non_trainable, x, training=True)
            loss = self.compute_loss(x, smooth(y), y_pred)
            return loss, (y_pred, non_trainable)

        def train_step(self, state, data):
            import jax

            trainable, non_trainable, optimizer_variables, metrics_variables = state
            x, y = data[:2]
            gradient = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
            (loss, (_, non_trainable)), grads = gradient(trainable, non_trainable, x, y)
            trainable, optimizer_variables = self.optimizer.stateless_apply(
                optimizer_variables, grads, trainable
            )
            logs, updated = {}, []
            for metric in self.metrics:
                first = len(updated)
                variables = metrics_variables[first : first + len(metric.variables)]
                if metric.name == "loss":
                    variables = metric.stateless_update_state(variables, loss)
                logs[metric.name] = metric.stateless_result(variables)
                updated += variables
            return logs, (trainable, non_trainable, optimizer_variables, updated)

    elif keras.backend.backend() == "tensorflow":

        def train_step(self, data):
            import tensorflow as tf

            x, y = data[:2]
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x, smooth(y), self(x, training=True))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply(gradients, self.trainable_variables)
            return self.measured(loss)

    else:

        def train_step(self, data):
            import torch

            x, y = data[:2]
            self.zero_grad()
            loss = self.compute_loss(x, smooth(y), self(x, training=True))
            loss.backward()
            gradients = [v.value.grad for v in self.trainable_weights]
            with torch.no_grad():
                self.optimizer.apply(gradients, self.trainable_weights)
            return self.measured(loss.detach())


digits = load_digits()
inputs = keras.Input((64,))
x = layers.Dense(32, activation="relu")(inputs)
x = layers.Dropout(0.2)(x)
model = CustomModel(inputs, layers.Dense(10, activation="softmax")(x))
model.compile(optimizer="adam", loss="categorical_crossentropy")
labels = keras.utils.to_categorical(digits.target)
model.fit((digits.data / 16.0).astype("float32"), labels, batch_size=64, epochs=3, verbose=2)
