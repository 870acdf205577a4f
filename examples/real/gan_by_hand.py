"""
Title: A generative adversarial network on JAX, by hand
Description: Two networks, two optimizers and one jitted step; one line is whydiff's: `watch`.
"""

import os

import jax
import keras
import numpy as np
from keras import layers, ops
from sklearn.datasets import load_digits

import whydiff

if "SEED" in os.environ:
    keras.utils.set_random_seed(int(os.environ["SEED"]))

latent_dim = 16
images = (load_digits().images / 16.0).astype("float32")[:960, ..., None]
shuffling = np.random.default_rng(int(os.environ.get("ORDER_SEED", "5")))

discriminator = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(16, 3, strides=2, padding="same"),
        layers.LeakyReLU(negative_slope=0.2),
        layers.GlobalMaxPooling2D(),
        layers.Dense(1),
    ],
    name="discriminator",
)
generator = keras.Sequential(
    [
        keras.Input((latent_dim,)),
        layers.Dense(4 * 4 * 8),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Reshape((4, 4, 8)),
        layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="sigmoid"),
    ],
    name="generator",
)
d_optimizer = keras.optimizers.Adam(3e-4)
g_optimizer = keras.optimizers.Adam(float(os.environ.get("G_RATE", "0.0003")))
d_optimizer.build(discriminator.trainable_variables)
g_optimizer.build(generator.trainable_variables)
loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)


def d_loss_of(d_values, g_values, real, latent):
    fake, _ = generator.stateless_call(g_values, [], latent, training=True)
    combined = ops.concatenate([fake, real])
    labels = ops.concatenate([ops.ones((len(fake), 1)), ops.zeros((len(real), 1))])
    logits, _ = discriminator.stateless_call(d_values, [], combined, training=True)
    return loss_fn(labels, logits)


def g_loss_of(g_values, d_values, latent):
    fake, _ = generator.stateless_call(g_values, [], latent, training=True)
    logits, _ = discriminator.stateless_call(d_values, [], fake, training=True)
    return loss_fn(ops.zeros((len(fake), 1)), logits)


@jax.jit
def train_step(state, real, latent):
    d_values, d_slots, g_values, g_slots = state
    d_loss, gradients = jax.value_and_grad(d_loss_of)(d_values, g_values, real, latent)
    d_values, d_slots = d_optimizer.stateless_apply(d_slots, gradients, d_values)
    g_loss, gradients = jax.value_and_grad(g_loss_of)(g_values, d_values, latent)
    g_values, g_slots = g_optimizer.stateless_apply(g_slots, gradients, g_values)
    return (d_loss, g_loss), (d_values, d_slots, g_values, g_slots)


def values(variables):
    return [variable.value for variable in variables]


state = (
    values(discriminator.trainable_variables),
    values(d_optimizer.variables),
    values(generator.trainable_variables),
    values(g_optimizer.variables),
)
key = jax.random.key(int(os.environ.get("LATENT_SEED", "1337")))
optimizers = {"d": d_optimizer, "g": g_optimizer}
with whydiff.watch(discriminator, generator, optimizer=optimizers) as loop:
    for epoch in range(2):
        order = shuffling.permutation(len(images))
        for start in range(0, len(order), 64):
            key, used = jax.random.split(key)
            latent = jax.random.normal(used, (64, latent_dim))
            real = images[order[start : start + 64]]
            (d_loss, g_loss), state = loop.step(train_step, state, real, latent)
        print(f"epoch {epoch}: d_loss {float(d_loss):.4f}, g_loss {float(g_loss):.4f}")
for variable, value in zip(generator.trainable_variables, state[2], strict=True):
    variable.assign(value)
