import keras
import numpy as np
from sklearn.metrics import accuracy_score, f1_score

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)

x = rng.normal(size=(130, 6)).astype("float32")
y = x[:, :3].argmax(1)
m = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
m.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
m.fit(x[:100], y[:100], epochs=4, verbose=0)
loss, acc = m.evaluate(x[100:], y[100:], verbose=0)
pred = m.predict(x[100:], verbose=0).argmax(1)
print("train", m.evaluate(x[:100], y[:100], verbose=0)[1], "test", acc)
print("acc", accuracy_score(y[100:], pred), "f1", f1_score(y[100:], pred, average="macro"))
for fold in range(2):
    part = slice(fold * 50, fold * 50 + 50)
    print(m.evaluate(x[part], y[part], verbose=0)[1])
