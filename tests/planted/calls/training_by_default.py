import keras
import numpy as np

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)
x = rng.normal(size=(150, 5)).astype("float32")
y = x[:, :1] * 2 + 1


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.a = keras.layers.Dense(16, activation="relu")
        self.drop = keras.layers.Dropout(0.5)
        self.b = keras.layers.Dense(1)

    def call(self, inputs, training=True):
        return self.b(self.drop(self.a(inputs), training=training))


net = Net()
net.compile("adam", "mse", metrics=["mae"])
net.fit(x, y, epochs=2, verbose=0)
print("mae evaluate", net.evaluate(x, y, verbose=0)[1])
print("mae by hand", np.mean(np.abs(keras.ops.convert_to_numpy(net(x)) - y)))
