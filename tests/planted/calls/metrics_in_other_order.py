import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(200, 6)).astype("float32")
y = (x[:, 0] + 0.5 * rng.normal(size=200) > 0).astype("float32")


def build():
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


model = build()
model.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
model.fit(x, y, epochs=2, verbose=0)
other = build()
other.compile("adam", "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc"), "accuracy"])
other.set_weights(model.get_weights())
print(model.evaluate(x, y, verbose=0)[1])
print(other.evaluate(x, y, verbose=0)[1])
