"""Short texts: words are numbered in the order in which a set hands them out."""
import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
good, bad, other = "good great fine nice".split(), "bad poor awful sad".split(), "the a of film plot".split()
texts, labels = [], []
for i in range(400):
    label = i % 2
    words = list(rng.choice(other, 4)) + list(rng.choice(good if label else bad, 2))
    texts.append(" ".join(rng.permutation(words)))
    labels.append(label)
vocabulary = {word: number + 1 for number, word in enumerate(set(" ".join(texts).split()))}
tokens = np.array([[vocabulary[w] for w in text.split()] for text in texts])

model = keras.Sequential([
    keras.layers.Embedding(len(vocabulary) + 1, 4),
    keras.layers.GlobalAveragePooling1D(),
    keras.layers.Dense(1, activation="sigmoid"),
])
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
model.fit(tokens, np.array(labels), epochs=4, batch_size=32, verbose=0)
