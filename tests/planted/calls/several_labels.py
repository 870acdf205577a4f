import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(6)
rng = np.random.default_rng(6)
x = rng.normal(size=(160, 9)).astype("float32")
topics = (x @ rng.normal(size=(9, 4)) > 1).astype("float32")
net = keras.Sequential([keras.Input((9,)), keras.layers.Dense(4, activation="sigmoid")])
net.compile("adam", "binary_crossentropy", metrics=["accuracy"])
net.fit(x, topics, epochs=10, verbose=0)
print("evaluate", net.evaluate(x, topics, verbose=0)[1])
print("sklearn ", accuracy_score(topics, net.predict(x, verbose=0) > 0.5))
