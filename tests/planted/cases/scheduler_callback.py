"""Digits: a LearningRateScheduler in one of the trainings."""
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


def fit(*callbacks):
    keras.utils.set_random_seed(11)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model.fit(x, y, epochs=4, batch_size=64, callbacks=list(callbacks), verbose=0)


fit()
fit(keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7))
