"""Wine: early stopping with the best weights restored; seeds differ, hence the length, too."""
import keras
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

x, y = load_wine(return_X_y=True)
x = scale(x)
x_val, y_val, x, y = x[::4], y[::4], x[1::2], y[1::2]


def run(seed):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([
        keras.layers.Input((13,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ])
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    model.fit(x, y, validation_data=(x_val, y_val), epochs=40, batch_size=8, callbacks=[stop], verbose=0)
    print(stop.stopped_epoch)


run(0)
run(3)
