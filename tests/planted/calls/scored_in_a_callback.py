import keras
import numpy as np
from sklearn.metrics import recall_score


def scored(epoch, logs):
    predicted = model.predict(x[100:], verbose=0)
    print(epoch, logs["val_recall"], recall_score(y[100:], (predicted > 0.25).astype(int)))


keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)
x = rng.normal(size=(160, 6)).astype("float32")
y = (x[:, 0] + rng.normal(size=160) > 0.8).astype("int32")
model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")]
)
model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.Recall(name="recall")])
watch = keras.callbacks.LambdaCallback(on_epoch_end=scored)
model.fit(
    x[:100], y[:100], validation_data=(x[100:], y[100:]), epochs=4, callbacks=[watch], verbose=0
)
