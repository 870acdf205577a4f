import keras
import numpy as np


class Augmented(keras.utils.PyDataset):
    def __init__(self, x, y, rng):
        super().__init__()
        self.x, self.y, self.rng = x, y, rng

    def __len__(self):
        return len(self.x) // 16

    def __getitem__(self, index):
        rows = slice(16 * index, 16 * index + 16)
        return self.x[rows] + self.rng.normal(size=(16, 5)).astype("float32"), self.y[rows]


keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)
x = rng.normal(size=(64, 5)).astype("float32")
data = Augmented(x, (x.sum(1) > 0).astype("int32"), rng)
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, activation="softmax")])
model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
print(model.evaluate(data, verbose=0), model.evaluate(data, verbose=0))
