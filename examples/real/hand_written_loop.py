"""
Title: Writing a training loop from scratch
Description: The loop of the guide, for each backend. One line of it is whydiff's: `watch`.
"""

import os

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

import whydiff

if "SEED" in os.environ:
    keras.utils.set_random_seed(int(os.environ["SEED"]))

digits = load_digits()
x_train = (digits.data / 16.0).astype("float32")[:1408]
y_train = digits.target[:1408].astype("int32")
x_val, y_val = (digits.data / 16.0).astype("float32")[1408:], digits.target[1408:].astype("int32")
shuffling = np.random.default_rng(int(os.environ.get("ORDER_SEED", "5")))

inputs = keras.Input(shape=(64,), name="digits")
x = layers.Dense(32, activation="relu")(inputs)
x = layers.Dropout(0.2)(x)
model = keras.Model(inputs=inputs, outputs=layers.Dense(10, name="predictions")(x))
optimizer = keras.optimizers.Adam(learning_rate=float(os.environ.get("LEARNING_RATE", "0.001")))
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def dataset():
    order = shuffling.permutation(len(x_train))
    for start in range(0, len(order), 64):
        rows = order[start : start + 64]
        yield x_train[rows], y_train[rows]


if keras.backend.backend() == "jax":
    import jax

    def compute_loss_and_updates(trainable_variables, non_trainable_variables, x, y):
        y_pred, non_trainable_variables = model.stateless_call(
            trainable_variables, non_trainable_variables, x, training=True
        )
        return loss_fn(y, y_pred), non_trainable_variables

    grad_fn = jax.value_and_grad(compute_loss_and_updates, has_aux=True)

    @jax.jit
    def train_step(state, data):
        trainable_variables, non_trainable_variables, optimizer_variables = state
        x, y = data
        (loss, non_trainable_variables), grads = grad_fn(
            trainable_variables, non_trainable_variables, x, y
        )
        trainable_variables, optimizer_variables = optimizer.stateless_apply(
            optimizer_variables, grads, trainable_variables
        )
        return loss, (trainable_variables, non_trainable_variables, optimizer_variables)

    optimizer.build(model.trainable_variables)
    state = (
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables],
        [v.value for v in optimizer.variables],
    )
    with whydiff.watch(model, optimizer=optimizer) as loop:
        for epoch in range(2):
            for data in dataset():
                loss, state = loop.step(train_step, state, data)
            print(f"Training loss at epoch {epoch}: {float(loss):.4f}")
    for variable, value in zip(model.trainable_variables, state[0], strict=True):
        variable.assign(value)

elif keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    @tf.function
    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        grads = tape.gradient(loss, model.trainable_weights)
        optimizer.apply(grads, model.trainable_weights)
        return loss

else:
    import torch

    def train_step(x, y):
        model.zero_grad()
        loss = loss_fn(torch.from_numpy(y), model(torch.from_numpy(x), training=True))
        loss.backward()
        gradients = [v.value.grad for v in model.trainable_weights]
        with torch.no_grad():
            optimizer.apply(gradients, model.trainable_weights)
        return loss


if keras.backend.backend() != "jax":
    with whydiff.watch(model, optimizer=optimizer) as loop:
        for epoch in range(2):
            for x, y in dataset():
                loss = loop.step(train_step, x, y)
            print(f"Training loss at epoch {epoch}: {float(loss):.4f}")

predictions = keras.ops.convert_to_numpy(model(x_val)).argmax(axis=1)
print(f"Validation accuracy: {(predictions == y_val).mean():.4f}")
