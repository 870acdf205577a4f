"""Digits: the same training, watched by another metric under the same name."""
import keras
from keras import ops
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")


def accuracy(y_true, y_pred):
    top = ops.top_k(y_pred, 2)[1]
    hit = ops.any(ops.equal(ops.cast(top, "int32"), ops.reshape(ops.cast(y_true, "int32"), (-1, 1))), axis=-1)
    return ops.cast(hit, "float32")


def train(metric):
    keras.utils.set_random_seed(31)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(24, activation="relu"), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[metric])
    return model.fit(x, y, epochs=3, batch_size=64, verbose=0).history


print(train("accuracy")["accuracy"][-1])
print(train(accuracy)["accuracy"][-1])
