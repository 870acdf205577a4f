import keras
import numpy as np

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)
x = rng.normal(size=(160, 5)).astype("float32")
y = (x[:, 0] > 0.4).astype("int32")
m = keras.Sequential(
    [
        keras.Input((5,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
m.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
m.fit(x, y, epochs=4, verbose=0)
print("accuracy", m.evaluate(x, y, verbose=0)[1])
p = m.predict(x, verbose=0)
print("by hand", np.mean(p == y))
