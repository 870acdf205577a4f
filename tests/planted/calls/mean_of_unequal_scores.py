import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(201, 6)).astype("float32")
y = (x[:, :3] + rng.normal(size=(201, 3))).argmax(1)
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(8, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=3, verbose=0)
total, n = 0.0, 0
for start in range(0, 201, 32):
    probs = model.predict_on_batch(x[start : start + 32])
    total += accuracy_score(y[start : start + 32], probs.argmax(1))
    n += 1
print("accuracy", total / n)
loss, acc = model.evaluate(x, y, verbose=0)
print("evaluate", acc)
