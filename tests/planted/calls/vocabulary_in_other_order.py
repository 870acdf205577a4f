import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(3)
words = np.array(["red", "green", "blue", "red", "blue", "blue"])


def build(vocabulary):
    inputs = keras.Input((1,), dtype="string")
    h = keras.layers.StringLookup(vocabulary=vocabulary)(inputs)
    h = keras.layers.Embedding(6, 4)(h)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(h)))


one = build(["red", "green", "blue"])
two = build(["blue", "green", "red"])
two.set_weights(one.get_weights())
col = tf.constant(words[:, None])
print(np.abs(one.predict(col, verbose=0) - two.predict(col, verbose=0)).max())
