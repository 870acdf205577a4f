import keras
import numpy as np

keras.utils.set_random_seed(9)
sentences = [[4, 8, 15], [16, 23, 42, 7, 3, 9], [1, 2], [5, 6, 7, 8, 9, 10, 11, 12]]
inputs = keras.Input((None,), dtype="int32")
h = keras.layers.Embedding(50, 8)(inputs)
h = keras.layers.GRU(8)(h)
model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(h))
batch = keras.utils.pad_sequences(sentences, padding="post")
together = model.predict(batch, verbose=0)
alone = np.concatenate([model.predict(np.array([s]), verbose=0) for s in sentences])
print(np.abs(together - alone).max())
