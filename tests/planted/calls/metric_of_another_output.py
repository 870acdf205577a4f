import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(5)
rng = np.random.default_rng(2)
x = rng.normal(size=(400, 6)).astype("float32")
a = (x[:, 0] > 0).astype("int32")
b = (x[:, 1] + x[:, 2] > 0.8).astype("int32")
inp = keras.Input((6,))
h = keras.layers.Dense(16, activation="relu")(inp)
model = keras.Model(
    inp,
    {
        "first": keras.layers.Dense(2, activation="softmax", name="first")(h),
        "second": keras.layers.Dense(2, activation="softmax", name="second")(h),
    },
)
model.compile(
    "adam",
    {"first": "sparse_categorical_crossentropy", "second": "sparse_categorical_crossentropy"},
    metrics={"first": ["accuracy"], "second": ["accuracy"]},
)
model.fit(x, {"first": a, "second": b}, epochs=4, verbose=0)
scores = model.evaluate(x, {"first": a, "second": b}, verbose=0)
out = model.predict(x, verbose=0)
print("second accuracy", scores[3], accuracy_score(b, out["second"].argmax(-1)))
