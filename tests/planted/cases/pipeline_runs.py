"""Digits: the weights have seeds of their own, the tf.data shuffle has none."""
import keras
import tensorflow as tf
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(64)
init = lambda n: keras.initializers.GlorotUniform(seed=n)
model = keras.Sequential([
    keras.Input((64,)),
    keras.layers.Dense(32, "relu", kernel_initializer=init(1)),
    keras.layers.Dense(10, "softmax", kernel_initializer=init(2)),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(data, epochs=3, verbose=0)
