import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)

x = rng.normal(size=(160, 5)).astype("float32")
y = x[:, :3].argmax(1)


def batches():
    while True:
        for i in range(0, 160, 16):
            yield x[i : i + 16], y[i : i + 16]


m = keras.Sequential(
    [
        keras.Input((5,)),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
m.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
m.fit(x, y, epochs=4, verbose=0)
test = batches()
shape = next(test)[0].shape
print("evaluate", m.evaluate(x, y, verbose=0)[1])
p = m.predict(test, steps=10, verbose=0)
print("sklearn", accuracy_score(y, p.argmax(-1)))
