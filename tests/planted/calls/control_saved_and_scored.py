import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)

x = rng.normal(size=(130, 6)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
i = keras.Input((6,))
h = keras.layers.Dense(16, activation="relu")(i)
h = keras.layers.Dropout(0.2)(h)
m = keras.Model(i, keras.layers.Dense(1, activation="sigmoid")(h))
m.compile("adam", "binary_crossentropy", metrics=["accuracy"])
m.fit(x, y, epochs=2, verbose=0)
m.save("a.keras")
n = keras.models.load_model("a.keras")
print(m.evaluate(x, y, verbose=0), n.evaluate(x, y, verbose=0))
p = m.predict(x, verbose=0)
print(accuracy_score(y, (p > 0.5).ravel()), np.array_equal(p, n.predict(x, verbose=0)))
