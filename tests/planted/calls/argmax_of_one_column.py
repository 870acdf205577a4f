import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)

x = rng.normal(size=(160, 5)).astype("float32")
y = (x[:, 0] > 0.2).astype(int)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.a = keras.layers.Dense(16, activation="relu")
        self.b = keras.layers.Dense(1, activation="sigmoid")

    def call(self, t):
        return self.b(self.a(t))


m = Net()
m.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
m.fit(x, y, epochs=4, verbose=0)
print("evaluate", m.evaluate(x, y, verbose=0)[1])
print("sklearn", accuracy_score(y, np.argmax(m.predict(x, verbose=0), axis=1)))
