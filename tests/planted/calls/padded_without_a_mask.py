import keras
import numpy as np

keras.utils.set_random_seed(1)
words = np.random.default_rng(0).integers(1, 500, size=(30, 6))
longer = np.concatenate([np.zeros((30, 6), int), words], axis=1)
model = keras.Sequential(
    [
        keras.Input((None,)),
        keras.layers.Embedding(500, 4),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(1),
    ]
)
print(np.abs(model.predict(words, verbose=0) - model.predict(longer, verbose=0)).max())
