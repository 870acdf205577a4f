"""Trainings of every supported kind of model and data in one script; prints a hash per fit."""

import hashlib
import sys

import keras
import numpy as np

ONLY = sys.argv[1:]


def show(name, model):
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    print(name, digest.hexdigest(), flush=True)


def data(rows=150, columns=6):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(rows, columns)).astype("float32")
    return x, (x.sum(axis=1) > 0).astype("int32")


def lazy_sequential(**settings):
    model = keras.Sequential(
        [
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], **settings)
    return model


class Subclassed(keras.Model):
    """No config, a plain attribute, a layer list and a layer of its own."""

    def __init__(self):
        super().__init__()
        self.scale = 0.5
        self.blocks = [keras.layers.Dense(8, activation="tanh") for _ in range(2)]
        self.norm = keras.layers.BatchNormalization()
        self.noise = keras.layers.GaussianNoise(0.1, seed=3)
        self.head = keras.layers.Dense(1, activation="sigmoid")

    def call(self, x, training=False):
        for block in self.blocks:
            x = block(x)
        x = self.noise(self.norm(x, training=training), training=training)
        return self.head(self.scale * x)


def functional():
    left = keras.Input((6,), name="left")
    right = keras.Input((6,), name="right")
    hidden = keras.layers.Concatenate()([keras.layers.Dense(4)(left), keras.layers.Dense(4)(right)])
    hidden = keras.layers.Dropout(0.2, seed=7)(hidden)
    outputs = {
        "sign": keras.layers.Dense(1, activation="sigmoid", name="sign")(hidden),
        "sum": keras.layers.Dense(1, name="sum")(hidden),
    }
    model = keras.Model([left, right], outputs)
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        {"sign": "binary_crossentropy", "sum": "mse"},
        loss_weights={"sign": 1.0, "sum": 0.1},
    )
    return model


class Halve(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        rate = self.model.optimizer.learning_rate
        self.model.optimizer.learning_rate = float(keras.ops.convert_to_numpy(rate)) * 0.5


def arrays():
    x, y = data()
    model = lazy_sequential()
    model.fit(x, y, epochs=3, batch_size=32, validation_split=0.2, verbose=0)
    return model


def float64_and_weights():
    x, y = data()
    model = lazy_sequential()
    model.fit(
        x.astype("float64"), y, sample_weight=np.linspace(0.5, 1.5, len(x)), epochs=2, verbose=0
    )
    return model


def class_weight():
    x, y = data()
    model = lazy_sequential()
    model.fit(x, y, class_weight={0: 1.0, 1: 3.0}, epochs=2, shuffle="batch", verbose=0)
    return model


def subclassed():
    x, y = data()
    model = Subclassed()
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    model.fit(x, y, epochs=2, batch_size=50, verbose=0)
    return model


def two_inputs():
    x, y = data()
    model = functional()
    model.fit({"left": x, "right": -x}, {"sign": y, "sum": x.sum(axis=1)}, epochs=2, verbose=0)
    return model


def pipeline():
    import tensorflow as tf

    x, y = data()
    ds = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(150, seed=9).batch(32).prefetch(2)
    model = lazy_sequential()
    model.fit(ds, epochs=3, verbose=0)
    return model


def repeated_pipeline():
    import tensorflow as tf

    x, y = data()
    ds = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(150).repeat().batch(16)
    model = lazy_sequential()
    model.fit(ds, epochs=3, steps_per_epoch=4, verbose=0)
    return model


def callbacks():
    x, y = data()
    model = lazy_sequential()
    model.fit(
        x,
        y,
        epochs=12,
        validation_split=0.3,
        callbacks=[
            Halve(),
            keras.callbacks.ReduceLROnPlateau(patience=1),
            keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True),
        ],
        verbose=0,
    )
    return model


def images():
    rng = np.random.default_rng(8)
    x, y = rng.random((90, 8, 8, 1)).astype("float32"), rng.integers(0, 3, 90)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.RandomFlip(),
            keras.layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=2, verbose=0)
    return model


def sequences():
    rng = np.random.default_rng(8)
    x, y = rng.integers(0, 20, (90, 7)), rng.integers(0, 2, 90)
    model = keras.Sequential(
        [
            keras.layers.Embedding(20, 6),
            keras.layers.LSTM(5, dropout=0.2),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adamw", "binary_crossentropy")
    model.fit(x, y, epochs=2, verbose=0)
    return model


def goes_on():
    """The same model a second time: weights, slots and seed states are transferred."""
    x, y = data()
    model = lazy_sequential()
    model.fit(x, y, epochs=2, verbose=0)
    show("first half", model)
    model.fit(x, y, epochs=2, verbose=0)
    return model


KINDS = (
    arrays,
    float64_and_weights,
    class_weight,
    subclassed,
    two_inputs,
    pipeline,
    repeated_pipeline,
    callbacks,
    images,
    sequences,
    goes_on,
)

keras.utils.set_random_seed(11)
for kind in KINDS:
    if not ONLY or kind.__name__ in ONLY:
        show(kind.__name__, kind())
