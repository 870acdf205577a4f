"""A small training with every random source; arguments: what else happens in it."""

import sys

import keras
import numpy as np

WHAT = sys.argv[1:]


class Silent(keras.layers.Layer):
    """Draws noise and adds none of it: its seed is dead."""

    def __init__(self):
        super().__init__()
        self.generator = keras.random.SeedGenerator()

    def call(self, x):
        return x + 0 * keras.random.normal(keras.ops.shape(x), seed=self.generator)


rng = np.random.default_rng(0)
x = rng.normal(size=(120, 6)).astype("float32")
y = (x[:, 0] + x[:, 1] ** 2 > 1).astype("float32")
if "nan" in WHAT:  # some draws diverge, others do not
    optimizer = keras.optimizers.SGD(3e4)
    loss = "mse"
else:
    optimizer, loss = keras.optimizers.Adam(0.01), "binary_crossentropy"

keras.utils.set_random_seed(3)
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(8, activation="linear" if "nan" in WHAT else "relu"),
        Silent() if "dead" in WHAT else keras.layers.GaussianNoise(0.0 if "calm" in WHAT else 0.1),
        keras.layers.Dense(1, activation="linear" if "nan" in WHAT else "sigmoid"),
    ]
)
if "fixed" in WHAT:
    model.set_weights([np.full(w.shape, 0.1, "float32") for w in model.get_weights()])
model.compile(optimizer, loss, metrics=["accuracy"])
if "loop" in WHAT:
    for _ in range(2):
        order = np.random.permutation(len(x))
        for start in range(0, len(x), 40):
            rows = order[start : start + 40]
            last = model.train_on_batch(x[rows], y[rows])
    if "fail" in WHAT and np.random.random() < 0.5:
        raise SystemExit("out of luck")
    print(f"final loss: {float(last[0]):.6f}, accuracy={float(last[1]):.4f}")
else:
    model.fit(
        x[:80],
        y[:80],
        epochs=2,
        batch_size=16,
        shuffle="fixed" not in WHAT,
        validation_data=(x[80:], y[80:]),
        verbose=0,
    )
