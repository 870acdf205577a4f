import keras
import numpy as np
from sklearn.metrics import f1_score

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)
x = rng.normal(size=(160, 5)).astype("float32")
y = (x[:, 0] > 0.3).astype("int32")


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, size):
        super().__init__()
        self.x, self.y, self.size = x, y, size
        self.rows = np.arange(len(x))

    def __len__(self):
        return len(self.x) // self.size

    def __getitem__(self, i):
        rows = self.rows[i * self.size : (i + 1) * self.size]
        return self.x[rows], self.y[rows, None]

    def on_epoch_end(self):
        self.mixed()

    def mixed(self):
        np.random.shuffle(self.rows)


m = keras.Sequential(
    [
        keras.Input((5,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
metrics = [keras.metrics.F1Score(threshold=0.5, name="f1")]
m.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=metrics)
data = Batches(x, y, 16)
m.fit(data, epochs=6, verbose=0)
print("evaluate", m.evaluate(data, verbose=0)[1])
p = m.predict(data, verbose=0)
print("sklearn", f1_score(y, p[:, 0] > 0.5))
