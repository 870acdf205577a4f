import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(3)
x = np.random.default_rng(0).normal(size=(300, 8)).astype("float32")
y = np.argmax(x[:, :3], axis=1)
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, verbose=0)
model.export("served", verbose=False)
model.fit(x, y, epochs=1, verbose=0)
p = model.predict(x[:64], verbose=0)
served = tf.saved_model.load("served")
q = served.serve(x[:64]).numpy()
print("max difference", np.abs(p - q).max())
