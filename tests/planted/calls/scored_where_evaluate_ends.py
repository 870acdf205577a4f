import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(200, 6)).astype("float32")
y = (x[:, 0] + rng.normal(size=200) > 0.3).astype(int)
model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)]
)
model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])


class Score(keras.callbacks.Callback):
    def on_test_end(self, logs=None):
        p = self.model.predict(x, verbose=0)
        print("sklearn:", accuracy_score(y, (p > 0).astype(int).ravel()))


model.fit(x, y, epochs=2, verbose=0)
print("evaluate", model.evaluate(x, y, verbose=0, callbacks=[Score()]))
