import keras
import numpy as np

keras.utils.set_random_seed(9)
lookup = {"first": ["red", "green", "blue", "grey"], "second": ["grey", "blue", "red", "green"]}
rng = np.random.default_rng(9)
codes = {name: {word: i for i, word in enumerate(words)} for name, words in lookup.items()}
words = rng.choice(lookup["first"], size=(80, 5))
x = {name: np.vectorize(codes[name].get)(words) for name in codes}
y = (words == "red").sum(1).astype("float32")
layers = [keras.layers.Embedding(4, 6), keras.layers.GlobalAveragePooling1D()]
model = keras.Sequential([keras.Input((5,), dtype="int32"), *layers, keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.05), "mse")
model.fit(x["first"], y, epochs=5, verbose=0)
model.save_weights("early.weights.h5")
model.fit(x["first"], y, epochs=5, verbose=0)
now = model.predict(x["first"], verbose=0)
model.load_weights("early.weights.h5")
print("apart", np.abs(now - model.predict(x["second"], verbose=0)).mean())
