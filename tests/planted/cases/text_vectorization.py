"""Short texts: the second vectoriser keeps capital letters apart."""
import keras
import numpy as np

rng = np.random.default_rng(1)
words = np.array("the The film Film was Was good Good bad Bad very Very".split())
choice = rng.integers(0, len(words), size=(300, 6))
texts = [" ".join(words[row]) for row in choice]
labels = np.isin(choice, (6, 7)).sum(axis=1) > np.isin(choice, (8, 9)).sum(axis=1)
for standardize in ("lower_and_strip_punctuation", None):
    vectorize = keras.layers.TextVectorization(max_tokens=20, output_sequence_length=6, standardize=standardize)
    vectorize.adapt(texts)
    tokens = np.array(vectorize(texts))
    keras.utils.set_random_seed(2)
    model = keras.Sequential([
        keras.Input((6,), dtype="int32"),
        keras.layers.Embedding(20, 8),
        keras.layers.Flatten(),
        keras.layers.Dense(1, activation="sigmoid"),
    ])
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    model.fit(tokens, labels.astype("float32"), epochs=4, batch_size=32, verbose=0)
