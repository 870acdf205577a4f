"""What the Python on a page takes for granted, by page."""

_DATA = """
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(80, 6)).astype("float32")
y = (x[:, :1] > 0).astype("float32")
x_test, y_test = x[:20], y[:20]


def build(units=4):
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model
"""

BEFORE = {
    "docs/compare.md": _DATA
    + """
def build_small():
    return build(2)


def build_large():
    return build(16)
""",
    "docs/study.md": _DATA,
    "docs/training.md": _DATA
    + """
model = build()
optimizer = keras.optimizers.Adam()
optimizer.build(model.trainable_variables)
state = (model.trainable_variables, optimizer.variables)
batches = [(x[:40], y[:40]), (x[40:], y[40:])]


def train_step(*arguments):
    return 0.5 if len(arguments[-1]) != 2 else (0.5, arguments[0])
""",
}
