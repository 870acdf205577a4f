"""One small fit per family of layers and per way of feeding; names on the command line choose."""

import sys

import keras
import numpy as np

# Two engines round differently, and where two values of a pooling nearly tie that is amplified: the
# same weights in every run, or a test of how close they come passes by chance.
keras.utils.set_random_seed(0)
layers = keras.layers
rng = np.random.default_rng(0)


def dense():
    x = rng.normal(size=(150, 10)).astype("float32")
    model = keras.Sequential(
        [
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    y = (x.sum(axis=1) > 0).astype("int32")
    model.fit(x, y, epochs=3, validation_split=0.2, verbose=0)


def conv():
    x = rng.normal(size=(50, 12, 12, 2)).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((12, 12, 2)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Conv2D(4, 3, padding="same", strides=2),
            layers.AveragePooling2D(2, strides=1, padding="same"),
            layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss, metrics=["accuracy"])
    model.fit(x, rng.integers(0, 3, 50), epochs=2, batch_size=16, verbose=0)


def recurrent():
    x = rng.integers(0, 20, size=(60, 9))
    model = keras.Sequential(
        [
            layers.Embedding(20, 8, mask_zero=True),
            layers.LSTM(6, return_sequences=True, dropout=0.2),
            layers.GRU(5),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    weights = rng.uniform(size=60)
    model.fit(x, rng.integers(0, 2, 60), sample_weight=weights, epochs=2, batch_size=16, verbose=0)


def attention():
    x = rng.normal(size=(60, 7, 8)).astype("float32")
    tokens = keras.Input((7, 8))
    seen = layers.MultiHeadAttention(2, 4, dropout=0.1)(tokens, tokens)
    hidden = layers.LayerNormalization()(seen + tokens)
    hidden = layers.GlobalAveragePooling1D()(layers.Dense(8, activation="gelu")(hidden))
    model = keras.Model(tokens, layers.Dense(3, activation="softmax")(hidden))
    rate = keras.optimizers.schedules.CosineDecay(1e-2, 20)
    model.compile(keras.optimizers.AdamW(rate), "sparse_categorical_crossentropy")
    y = rng.integers(0, 3, 60)
    model.fit(x, y, class_weight={0: 1.0, 1: 2.0, 2: 3.0}, epochs=2, batch_size=20, verbose=0)


def several_ends():
    a = rng.normal(size=(60, 4)).astype("float32")
    b = rng.normal(size=(60, 3)).astype("float32")
    left, right = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    hidden = layers.Concatenate()(
        [layers.Dense(5, activation="relu", kernel_regularizer="l2")(left), layers.Dense(5)(right)]
    )
    outputs = {
        "sign": layers.Dense(1, activation="sigmoid", name="sign")(hidden),
        "sum": layers.Dense(2, name="sum")(hidden),
    }
    model = keras.Model({"a": left, "b": right}, outputs)
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=1.0),
        {"sign": "binary_crossentropy", "sum": "mse"},
        loss_weights={"sign": 1.0, "sum": 0.3},
        metrics={"sign": ["accuracy"], "sum": ["mae"]},
    )
    y = {"sign": (a[:, :1] > 0).astype("float32"), "sum": b[:, :2]}
    part = ({"a": a[:20], "b": b[:20]}, {name: value[:20] for name, value in y.items()})
    model.fit({"a": a, "b": b}, y, validation_data=part, epochs=2, batch_size=13, verbose=0)


def stopping():
    x = rng.normal(size=(200, 10)).astype("float32")
    y = (x.sum(axis=1) + rng.normal(size=200) > 0).astype("int32")
    model = keras.Sequential(
        [layers.Dense(32, activation="relu"), layers.Dense(1, activation="sigmoid")]
    )
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    callbacks = [
        keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(patience=1),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
    ]
    model.fit(x, y, epochs=12, validation_split=0.3, callbacks=callbacks, verbose=0)


def averaged():
    x = rng.normal(size=(200, 10)).astype("float32")
    shared = keras.initializers.Orthogonal()
    model = keras.Sequential(
        [
            layers.Dense(10, activation="relu", kernel_initializer=shared),
            layers.Dense(10, activation="relu", kernel_initializer=shared),
            layers.Dense(1, activation="sigmoid", kernel_initializer="he_normal"),
        ]
    )
    optimizer = keras.optimizers.Adam(0.02, use_ema=True, gradient_accumulation_steps=2)
    model.compile(optimizer, "binary_crossentropy")
    model.fit(x, (x.sum(axis=1) > 0).astype("int32"), epochs=2, verbose=0)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [layers.Dense(8, activation="tanh") for _ in range(2)]
        self.norm = layers.BatchNormalization()
        self.noise = layers.GaussianNoise(0.1, seed=3)
        self.head = layers.Dense(1, activation="sigmoid")

    def call(self, x, training=False):
        for block in self.blocks:
            x = block(x)
        return self.head(self.noise(self.norm(x, training=training), training=training))


def subclassed():
    x = rng.normal(size=(100, 6)).astype("float32")
    model = Subclassed()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, (x.sum(axis=1) > 0).astype("int32"), epochs=2, verbose=0)


def mixed():
    x = rng.normal(size=(100, 6)).astype("float32")
    keras.config.set_dtype_policy("mixed_float16")
    model = keras.Sequential(
        [layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid", dtype="float32")]
    )
    model.compile("adam", "binary_crossentropy")
    model.fit(x, (x.sum(axis=1) > 0).astype("int32"), epochs=2, verbose=0)
    keras.config.set_dtype_policy("float32")


class Halving(keras.callbacks.Callback):
    """Changes the learning rate within an epoch."""

    def on_train_batch_end(self, batch, logs=None):
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.model.optimizer.learning_rate = rate * 0.5


def halving():
    x = rng.normal(size=(64, 6)).astype("float32")
    model = keras.Sequential([layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(x, x.sum(axis=1), epochs=1, callbacks=[Halving()], verbose=0)


def diverging():
    x = rng.normal(size=(64, 6)).astype("float32")
    model = keras.Sequential([layers.Dense(8), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e20), "mse")
    ends = [keras.callbacks.TerminateOnNaN()]
    model.fit(x, x.sum(axis=1), epochs=3, batch_size=8, callbacks=ends, verbose=0)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        globals()[name]()
