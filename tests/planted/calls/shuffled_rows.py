import keras
import numpy as np


class Batches(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x, self.random = x, np.random.default_rng(0)
        self.on_epoch_end()

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return self.x[self.order[8 * i : 8 * i + 8]]

    def on_epoch_end(self):
        self.order = self.random.permutation(len(self.x))


keras.utils.set_random_seed(1)
x = np.random.default_rng(3).normal(size=(32, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
a = model.predict(Batches(x), verbose=0)
batches = Batches(x)
batches.on_epoch_end()
print(np.abs(a - model.predict(batches, verbose=0)).max())
