import keras
import numpy as np
import tensorflow as tf


class Sampling(keras.layers.Layer):
    def call(self, inputs):
        mean, logvar = inputs
        eps = tf.random.normal(shape=tf.shape(mean))
        return mean + tf.exp(0.5 * logvar) * eps


keras.utils.set_random_seed(1)
inputs = keras.Input((4,))
mean = keras.layers.Dense(2)(inputs)
logvar = keras.layers.Dense(2)(inputs)
z = Sampling()([mean, logvar])
vae = keras.Model(inputs, keras.layers.Dense(4)(z))
x = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
first = vae.predict(x, verbose=0)
second = vae.predict(x, verbose=0)
print("same input, same model:", np.abs(first - second).max())
