"""Wine: less patience."""
import keras
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

x, y = load_wine(return_X_y=True)
x = scale(x)


def run(delta):
    keras.utils.set_random_seed(9)
    model = keras.Sequential([
        keras.layers.Input((13,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ])
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping(monitor="loss", min_delta=delta, patience=1)
    model.fit(x, y, epochs=12, batch_size=16, callbacks=[stop], verbose=0)
    print(stop.stopped_epoch)


run(0.05)
run(0.001)
