import keras
import numpy as np

keras.utils.set_random_seed(1)
texts = np.array(["the cat sat", "a dog ran far", "the bird flew", "a cat ran", "dogs sat"] * 4)
words = keras.layers.TextVectorization(output_sequence_length=4)
words.adapt(texts)
model = keras.Sequential([
    keras.Input((4,)), keras.layers.Embedding(40, 4), keras.layers.Flatten(), keras.layers.Dense(1),
])  # fmt: skip
a = model.predict(np.array(words(texts)), verbose=0)
words.adapt(texts[1:3])
b = model.predict(np.array(words(texts)), verbose=0)
print(np.abs(a - b).max())
