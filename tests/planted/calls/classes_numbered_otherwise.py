import keras
import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelEncoder

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)

names = ["cat", "ant", "bee"]
x = rng.normal(size=(240, 5)).astype("float32")
k = x[:, :3].argmax(1)
text = np.array(names)[k]
m = keras.Sequential(
    [
        keras.Input((5,)),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
m.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
m.fit(x, k, epochs=4, verbose=0)
print("evaluate", m.evaluate(x, k, verbose=0)[1])
enc = LabelEncoder().fit(text)
print("sklearn", accuracy_score(enc.transform(text), m.predict(x, verbose=0).argmax(1)))
