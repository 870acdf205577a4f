import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)

x = rng.normal(size=(160, 6)).astype("float32")
y = (x[:, :5] + rng.normal(size=(160, 5))).argmax(1)
m = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(5, activation="softmax"),
    ]
)
m.compile(
    keras.optimizers.Adam(0.02),
    "sparse_categorical_crossentropy",
    metrics=[keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="accuracy")],
)
m.fit(x, y, epochs=6, verbose=0)
print("accuracy", m.evaluate(x, y, verbose=0)[1])
print("accuracy", accuracy_score(y, m.predict(x, verbose=0).argmax(1)))
