import keras
import numpy as np


class Scale(keras.layers.Layer):
    def call(self, x):
        return x * 1.0


def build(extra):
    layers = [
        keras.Input((None,), dtype="int32"),
        keras.layers.Embedding(
            50, 8, mask_zero=True, embeddings_initializer=keras.initializers.RandomUniform(seed=1)
        ),
    ]
    if extra:
        layers.append(Scale())
    layers += [
        keras.layers.LSTM(
            8,
            kernel_initializer=keras.initializers.GlorotUniform(seed=2),
            recurrent_initializer=keras.initializers.Orthogonal(seed=3),
        ),
        keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=4)),
    ]
    return keras.Sequential(layers)


data = keras.utils.pad_sequences(
    [[4, 8, 15], [16, 23, 42, 7, 3, 9], [1, 2]], maxlen=10, padding="post"
)
plain, scaled = build(False), build(True)
print(np.abs(plain.predict(data, verbose=0) - scaled.predict(data, verbose=0)).max())
