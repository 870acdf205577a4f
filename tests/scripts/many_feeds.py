"""Trainings on every kind of data that ``fit`` takes; prints a hash per fit."""

import hashlib
import sys

import keras
import numpy as np

ONLY = sys.argv[1:]
BACKEND = keras.backend.backend()


def show(name, model):
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    print(name, digest.hexdigest(), flush=True)


def data(rows=90, columns=6):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(rows, columns)).astype("float32")
    return x, (x.sum(axis=1) > 0).astype("int32")


def dense(columns=6):
    model = keras.Sequential(
        [
            keras.Input((columns,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


class Batches(keras.utils.PyDataset):
    """Shuffles itself at the end of an epoch, adds noise of its own."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.x, self.y = data()
        self.rng = np.random.default_rng(2)
        self.order = np.arange(len(self.x))

    def __len__(self):
        return -(-len(self.x) // 25)

    def __getitem__(self, index):
        rows = self.order[index * 25 : (index + 1) * 25]
        noise = np.random.default_rng(index).normal(size=(len(rows), 6)).astype("float32")
        return self.x[rows] + 0.01 * noise, self.y[rows]

    def on_epoch_end(self):
        self.rng.shuffle(self.order)


def pydataset():
    model = dense()
    model.fit(Batches(), epochs=2, verbose=0)
    return model


def pydataset_threads():
    model = dense()
    model.fit(Batches(workers=2, max_queue_size=4), epochs=2, shuffle=False, verbose=0)
    return model


def pydataset_processes():
    model = dense()
    batches = Batches(workers=2, use_multiprocessing=True, max_queue_size=4)
    model.fit(batches, epochs=2, shuffle=False, verbose=0)
    return model


def generator():
    def batches():
        x, y = data()
        rng = np.random.default_rng(4)
        while True:
            rows = rng.integers(0, len(x), 20)
            yield x[rows], y[rows], np.linspace(0.5, 1.5, 20).astype("float32")

    model = dense()
    model.fit(batches(), steps_per_epoch=4, epochs=2, verbose=0)
    return model


def loader():
    import torch

    x, y = data()
    pairs = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    draws = torch.Generator()
    draws.manual_seed(6)
    model = dense()
    model.fit(
        torch.utils.data.DataLoader(pairs, batch_size=32, shuffle=True, generator=draws),
        epochs=2,
        verbose=0,
    )
    return model


def stateful_map():
    import tensorflow as tf

    x, y = data()
    tf.random.set_seed(3)
    pipeline = (
        tf.data.Dataset.from_tensor_slices((x, y))
        .shuffle(90, reshuffle_each_iteration=True)
        .map(lambda a, b: (a + tf.random.normal(tf.shape(a), stddev=0.1), b))
        .batch(32, drop_remainder=True)
        .prefetch(tf.data.AUTOTUNE)
    )
    model = dense()
    model.fit(pipeline, epochs=2, validation_data=pipeline.take(1), verbose=0)
    return model


def nested():
    """Dictionaries within dictionaries, targets as a dictionary, weights by output."""
    import tensorflow as tf

    x, y = data()
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    hidden = keras.layers.Dense(4)(keras.layers.Concatenate()([left, right]))
    outputs = {"sign": keras.layers.Dense(1, activation="sigmoid", name="sign")(hidden)}
    outputs["more"] = {"sum": keras.layers.Dense(1, name="sum")(hidden)}
    model = keras.Model({"a": {"left": left}, "b": {"right": right}}, outputs)
    model.compile("sgd", {"sign": "binary_crossentropy", "more": {"sum": "mse"}})
    pipeline = tf.data.Dataset.from_tensor_slices(
        (
            {"a": {"left": x}, "b": {"right": -x}},
            {"sign": y[:, None], "more": {"sum": x.sum(axis=1, keepdims=True)}},
        )
    ).batch(40)
    model.fit(pipeline, epochs=2, verbose=0)
    return model


def sparse_arrays():
    import scipy.sparse

    rng = np.random.default_rng(1)
    x = scipy.sparse.random(70, 12, density=0.2, dtype="float32", rng=rng).tocsr()
    y = np.asarray(x.sum(axis=1) > 1.0).astype("int32")
    inputs = keras.Input((12,), sparse=True)
    hidden = keras.layers.Dense(6, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile("adam", "binary_crossentropy")
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    return model


def sparse_pipeline():
    import tensorflow as tf

    rng = np.random.default_rng(1)
    x = (rng.random((70, 12)) * (rng.random((70, 12)) < 0.2)).astype("float32")
    y = (x.sum(axis=1) > 1.0).astype("int32")
    pipeline = tf.data.Dataset.from_tensor_slices((tf.sparse.from_dense(x), y)).shuffle(70, seed=4)
    inputs = keras.Input((12,), sparse=True)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs))
    model.compile("adam", "binary_crossentropy")
    model.fit(pipeline.batch(16), epochs=2, verbose=0)
    return model


def ragged():
    import tensorflow as tf

    class Bag(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.table = self.add_weight(shape=(20, 4), initializer="glorot_uniform")

        def call(self, words):
            return tf.reduce_mean(tf.gather(tf.convert_to_tensor(self.table), words), axis=1)

        def compute_output_shape(self, shape):
            return (shape[0], 4)

    rng = np.random.default_rng(1)
    words = tf.ragged.constant([list(rng.integers(0, 20, 1 + n % 5)) for n in range(60)])
    y = (np.arange(60) % 3 == 0).astype("int32")
    inputs = keras.Input((None,), dtype="int32", ragged=True)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(Bag()(inputs)))
    model.compile("adam", "binary_crossentropy")
    pipeline = tf.data.Dataset.from_tensor_slices((words, y)).shuffle(60, seed=4).batch(16)
    model.fit(pipeline, epochs=2, verbose=0)
    return model


def strings():
    words = np.array([f"{'good' if n % 2 else 'bad'} film {n % 7}" for n in range(60)])
    y = (np.arange(60) % 2).astype("int32")
    vectorize = keras.layers.TextVectorization(30, output_sequence_length=4)
    vectorize.adapt(words)
    x = np.asarray(vectorize(words))
    model = keras.Sequential(
        [
            keras.layers.Embedding(30, 4),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    model.fit(x, y, epochs=2, verbose=0)
    return model


class Looks(keras.callbacks.Callback):
    """Evaluates and predicts on data of its own while the model trains."""

    def on_epoch_end(self, epoch, logs=None):
        x, y = data(30)
        self.model.predict(x[:10], verbose=0)
        self.model.evaluate(-x, y, verbose=0)


def evaluated_in_between():
    x, y = data()
    model = dense()
    stopping = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
    model.fit(
        x[:60], y[:60], validation_data=(x[60:], y[60:]), epochs=4, verbose=0,
        callbacks=[Looks(), stopping],
    )  # fmt: skip
    return model


KINDS = {
    evaluated_in_between: "jax tensorflow torch",
    pydataset: "jax tensorflow torch",
    pydataset_threads: "jax tensorflow torch",
    pydataset_processes: "torch",  # forks; JAX and TensorFlow run threads by then
    generator: "jax tensorflow torch",
    loader: "jax tensorflow torch",
    stateful_map: "jax tensorflow torch",
    nested: "jax tensorflow torch",
    sparse_arrays: "jax tensorflow",
    sparse_pipeline: "jax tensorflow",
    ragged: "tensorflow",
    strings: "jax tensorflow torch",
}

if __name__ == "__main__":
    keras.utils.set_random_seed(11)
    for kind, backends in KINDS.items():
        if (not ONLY or kind.__name__ in ONLY) and BACKEND in backends.split():
            show(kind.__name__, kind())
