import keras
import numpy as np

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)
x = rng.normal(size=(100, 6)).astype("float32")
y = x[:, :1]


def build(name):
    i = keras.Input((6,))
    h = keras.layers.Dense(8, activation="relu", name="hidden")(i)
    return keras.Model(i, keras.layers.Dense(1, name="head")(h), name=name)


m = build("teacher")
m.compile("adam", "mse")
m.fit(x, y, epochs=3, verbose=0)
student = build("student")
student.get_layer("head").set_weights(m.get_layer("head").get_weights())
print(m.predict(x, verbose=0)[:2].ravel(), student.predict(x, verbose=0)[:2].ravel())
