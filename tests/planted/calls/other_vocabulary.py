import keras
import numpy as np

keras.utils.set_random_seed(1)
words = np.random.default_rng(0).integers(0, 20, size=(30, 6))
table = np.random.default_rng(1).permutation(20)
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Embedding(20, 4),
        keras.layers.Flatten(),
        keras.layers.Dense(1),
    ]
)
print(np.abs(model.predict(words, verbose=0) - model.predict(table[words], verbose=0)).max())
