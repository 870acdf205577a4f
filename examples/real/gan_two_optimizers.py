"""
Title: A generative adversarial network
Description: fit() with a train_step that has two optimizers, as in the guide; drawing digits.
"""

import os

import keras
from keras import layers, ops
from sklearn.datasets import load_digits

if "SEED" in os.environ:
    keras.utils.set_random_seed(int(os.environ["SEED"]))

latent_dim = 16
TORCH = keras.backend.backend() == "torch"

discriminator = keras.Sequential(
    [
        keras.Input(shape=(8, 8, 1)),
        layers.Conv2D(16, 3, strides=2, padding="same"),
        layers.LeakyReLU(negative_slope=0.2),
        layers.GlobalMaxPooling2D(),
        layers.Dense(1),
    ],
    name="discriminator",
)
generator = keras.Sequential(
    [
        keras.Input(shape=(latent_dim,)),
        layers.Dense(4 * 4 * 8),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Reshape((4, 4, 8)),
        layers.Conv2DTranspose(8, 4, strides=2, padding="same"),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
    ],
    name="generator",
)


class GAN(keras.Model):
    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
        self.seed_generator = keras.random.SeedGenerator(int(os.environ.get("LATENT_SEED", "1337")))
        self.built = True

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def call(self, images):
        return self.discriminator(images)

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.loss_fn = loss_fn

    def update(self, network, optimizer, loss_of):
        weights = network.trainable_weights
        if TORCH:
            import torch

            self.zero_grad()
            loss = loss_of()
            loss.backward()
            with torch.no_grad():
                optimizer.apply([v.value.grad for v in weights], weights)
            return loss.detach()
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = loss_of()
        optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    def train_step(self, real_images):
        if isinstance(real_images, tuple):
            real_images = real_images[0]
        size = ops.shape(real_images)[0]
        shape = (size, self.latent_dim)
        latent = keras.random.normal(shape=shape, seed=self.seed_generator)
        generated = self.generator(latent)
        if TORCH:
            generated = generated.detach()
        combined = ops.concatenate([generated, real_images], axis=0)
        labels = ops.concatenate([ops.ones((size, 1)), ops.zeros((size, 1))], axis=0)
        d_loss = self.update(
            self.discriminator,
            self.d_optimizer,
            lambda: self.loss_fn(labels, self.discriminator(combined)),
        )
        latent = keras.random.normal(shape=shape, seed=self.seed_generator)
        misleading = ops.zeros((size, 1))
        g_loss = self.update(
            self.generator,
            self.g_optimizer,
            lambda: self.loss_fn(misleading, self.discriminator(self.generator(latent))),
        )
        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}


images = (load_digits().images / 16.0).astype("float32")[:960, ..., None]
gan = GAN(discriminator=discriminator, generator=generator, latent_dim=latent_dim)
gan.compile(
    d_optimizer=keras.optimizers.Adam(learning_rate=0.0003),
    g_optimizer=keras.optimizers.Adam(learning_rate=float(os.environ.get("G_RATE", "0.0003"))),
    loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
)
gan.fit(images, batch_size=64, epochs=2, verbose=2)
