import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(6)
rng = np.random.default_rng(6)
x = rng.normal(size=(400, 5)).astype("float32")
y = (x[:, 0] + 0.4 > 0).astype("int32")
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
metric = keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")
loss = keras.losses.BinaryCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(0.02), loss, metrics=[metric])
model.fit(x, y, epochs=6, verbose=0)
print("evaluate", model.evaluate(x, y, verbose=0)[1])
order = rng.permutation(len(x))
guesses = model.predict(x[order], verbose=0)[:, 0] > 0.5
print("accuracy_score", accuracy_score(y, guesses.astype("int32")))
