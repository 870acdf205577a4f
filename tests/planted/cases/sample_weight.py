"""Breast cancer: other sample weights."""
import keras
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

x, y = load_breast_cancer(return_X_y=True)
x = scale(x)
malignant = np.where(y == 0, 2.0, 1.0)
late = np.linspace(0.5, 1.5, len(y))


def train(weights):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((30,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", weighted_metrics=["accuracy"])
    model.fit(x, y, epochs=5, batch_size=32, sample_weight=weights, verbose=0)


train(malignant)
train(late)
