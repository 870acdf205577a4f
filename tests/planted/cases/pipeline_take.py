"""Digits: the first twenty batches of an unseeded shuffle."""
import keras
import tensorflow as tf
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(500).batch(64, drop_remainder=True).take(20).prefetch(tf.data.AUTOTUNE)
for _ in range(2):
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(32, "relu", kernel_initializer=keras.initializers.HeNormal(1)),
        keras.layers.Dense(10, "softmax", kernel_initializer=keras.initializers.HeNormal(2)),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(data, epochs=3, verbose=0)
