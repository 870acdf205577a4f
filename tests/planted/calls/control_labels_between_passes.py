import keras
import numpy as np
from sklearn.metrics import accuracy_score

keras.utils.set_random_seed(5)
rng = np.random.default_rng(11)
X = rng.normal(size=(128, 6)).astype("float32")
Y = X[:, :3].argmax(1)


class Data(keras.utils.PyDataset):
    def __init__(self, shuffle=True, **kw):
        super().__init__(**kw)
        self.order = np.arange(128)
        self.shuffle = shuffle
        self.rng = np.random.default_rng(0)
        self.on_epoch_end()

    def __len__(self):
        return 4

    def __getitem__(self, i):
        rows = self.order[i * 32 : (i + 1) * 32]
        return X[rows], Y[rows]

    def on_epoch_end(self):
        if self.shuffle:
            self.rng.shuffle(self.order)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.a = keras.layers.Dense(24, activation="relu")
        self.b = keras.layers.Dense(3)

    def call(self, t):
        return self.b(self.a(t))


m = Net()
m.compile(
    keras.optimizers.Adam(0.02),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
m.fit(X, Y, epochs=4, verbose=0)
data = Data()


def report(model, data):
    _, acc = model.evaluate(data, verbose=0)
    truth = np.concatenate([data[i][1] for i in range(len(data))])
    guess = model.predict(data, verbose=0).argmax(-1)
    print("evaluate", acc, "sklearn", accuracy_score(truth, guess))


report(m, data)
