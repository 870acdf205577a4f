import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
y = (x[:, 0] > 0).astype("int64")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
print(model.evaluate(x, y, verbose=0)[1])
print(accuracy_score(y, (model.predict(x, verbose=0) > 0)[:, 0].astype("int64")))
