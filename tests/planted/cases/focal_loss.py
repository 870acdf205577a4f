"""Breast cancer: focal loss against cross-entropy."""
import keras
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

x, y = load_breast_cancer(return_X_y=True)
x = scale(x)


def fit(loss):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((30,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", loss, metrics=["accuracy", keras.metrics.AUC()])
    model.fit(x, y.astype("float32"), epochs=5, batch_size=32, verbose=0)


fit(keras.losses.BinaryCrossentropy())
fit(keras.losses.BinaryFocalCrossentropy(gamma=3.0))
