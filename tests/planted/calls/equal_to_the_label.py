import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(9)
x = np.random.default_rng(9).normal(size=(120, 7)).astype("float32")
y = (x[:, :1] > 0).astype("float32")
model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.Accuracy()])
model.fit(x, y, epochs=3, verbose=0)
print("evaluate", model.evaluate(x, y, verbose=0)[1])
print("by hand", accuracy_score(y, model.predict(x, verbose=0) > 0.5))
