import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(120, 6)).astype("float32")
y = (x[:, :3]).argmax(1)
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, verbose=0)
p = model.predict(x, verbose=0)
small = [w.astype("float16") for w in model.get_weights()]
model.set_weights(small)
q = model.predict(x, verbose=0)
print(p[0], q[0], np.abs(p - q).max())
