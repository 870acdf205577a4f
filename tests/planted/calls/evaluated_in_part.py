import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(2)
rng = np.random.default_rng(0)
x = rng.normal(size=(90, 5)).astype("float32")
y = (x[:, 0] + rng.normal(size=90) > 0).astype("int32")
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
print("evaluate:", model.evaluate(x, y, batch_size=10, steps=4, verbose=0)[1])
print("sklearn :", accuracy_score(y, model.predict(x, verbose=0).ravel() > 0.5))
