import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(3)
x = np.random.default_rng(0).normal(size=(300, 8)).astype("float32")
y = np.argmax(x[:, :3], axis=1)
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, activation="softmax")])
model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
model.fit(x, y, epochs=1, verbose=0)
model.export("served", verbose=False)
model.fit(x, y, epochs=3, verbose=0)
served = tf.saved_model.load("served").signatures["serving_default"]
(answers,) = served(tf.constant(x[:50] / 4)).values()
print("apart", np.abs(model.predict(x[:50], verbose=0) - answers.numpy()).max())
