"""Trainings made from lists: kind of data x model family x feature of the training.

Each argument is a combination, ``data/model/feature``; ``every()`` names them all. For each it
trains, evaluates, predicts and calls the model, then prints one line: the combination and hashes of
the final weights, the optimizer's variables, the history, what evaluate and predict gave, and the
states of the generators of Python, NumPy, Keras, TensorFlow and torch.
"""

import hashlib
import itertools
import os
import random
import sys

BACKENDS = ("jax", "tensorflow", "torch")
ROWS, COLUMNS, CLASSES = 48, 12, 3


def of_backend(*names):
    """Marks what only these backends can do."""

    def mark(function):
        function.backends = names
        return function

    return mark


def targets_at(y, rows):
    """Some rows of the targets, of which there may be several."""
    return tuple(one[rows] for one in y) if isinstance(y, tuple) else y[rows]


def arrays(x, y):
    return {"x": x, "y": y, "batch_size": 16}


def arrays_in_order(x, y):
    return {"x": x, "y": y, "batch_size": 20, "shuffle": False}


def validation_split(x, y):
    return {"x": x, "y": y, "batch_size": 16, "validation_split": 0.25}


def sample_weights(x, y):
    weights = np.linspace(0.5, 1.5, len(x)).astype("float32")
    return {"x": x, "y": y, "batch_size": 16, "sample_weight": weights}


def class_weights(x, y):
    return {"x": x, "y": y, "batch_size": 16, "class_weight": {0: 1.0, 1: 2.0, 2: 0.5}}


def generator(x, y):
    def batches():
        rng = np.random.default_rng(4)  # not the global one: how far ahead it is read is chance
        while True:
            rows = rng.permutation(len(x))[:16]
            yield x[rows], targets_at(y, rows)

    return {"x": batches(), "steps_per_epoch": 3}


def pydataset(x, y):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            rows = slice(16 * index, 16 * index + 16)
            return x[rows], targets_at(y, rows)

    return {"x": Batches(workers=2, max_queue_size=4), "shuffle": False}


def pipeline(x, y):
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=3)
    return {"x": data.batch(16).prefetch(2)}


def loader(x, y):
    import torch

    class Pairs(torch.utils.data.Dataset):
        def __len__(self):
            return len(x)

        def __getitem__(self, row):
            return x[row], targets_at(y, row)

    torch.manual_seed(6)  # Keras seeds torch only where it is the backend
    return {"x": torch.utils.data.DataLoader(Pairs(), batch_size=16, shuffle=True)}


def dropout(layers):
    return [layers.Dense(8, activation="relu"), layers.Dropout(0.3)]


def seeded_noise(layers):
    return [layers.Dense(8), layers.GaussianNoise(0.1, seed=5), layers.AlphaDropout(0.1, seed=6)]


def batch_normalization(layers):
    return [layers.Dense(8, use_bias=False), layers.BatchNormalization(), layers.ReLU()]


def augmented_convolution(layers):
    return [
        layers.Reshape((4, 3, 1)),
        layers.RandomFlip(),
        layers.RandomTranslation(0.2, 0.2),
        layers.Conv2D(4, 2, activation="relu"),
        layers.SpatialDropout2D(0.2),
        layers.Flatten(),
    ]


def lstm(layers):
    return [layers.Reshape((4, 3)), layers.LSTM(5, dropout=0.2, recurrent_dropout=0.2)]


def bidirectional_gru(layers):
    return [layers.Reshape((4, 3)), layers.Bidirectional(layers.GRU(3, dropout=0.1))]


def attention(layers):
    class Attend(layers.Layer):
        def __init__(self):
            super().__init__()
            self.attention = layers.MultiHeadAttention(2, 3, dropout=0.2)
            self.norm = layers.LayerNormalization()

        def call(self, x, training=None):
            return self.norm(x + self.attention(x, x, training=training))

    return [layers.Reshape((4, 3)), Attend(), layers.GlobalAveragePooling1D()]


def embedding(layers):
    return [
        layers.Discretization(bin_boundaries=[-1.0, 0.0, 1.0]),
        layers.Embedding(4, 3),
        layers.Flatten(),
    ]


def plain(model):
    return {}, "adam"


def momentum(model):
    return {}, keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True)


def weight_decay(model):
    return {}, keras.optimizers.AdamW(0.01, weight_decay=0.01)


def moving_average(model):
    return {}, keras.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=2)


def accumulation(model):
    return {}, keras.optimizers.Adam(0.01, gradient_accumulation_steps=2)


def clipping(model):
    return {}, keras.optimizers.RMSprop(0.01, global_clipnorm=0.1)


def loss_scale(model):
    return {}, keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01))


def schedule(model):
    return {}, keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 6))


@of_backend("jax", "tensorflow")  # Keras refuses it on torch
def several_steps_at_once(model):
    return {"steps_per_execution": 2}, "sgd"


def eager(model):
    return {"run_eagerly": True}, "adam"


def bfloat16(model):
    return {}, "adam"


def regularized(model):
    return {"loss_weights": [0.5]}, "adagrad"


def callbacks(model):
    return {}, "adamax"


def own_train_step(model):
    return {"metrics": None}, "nadam"  # it updates none


def several_outputs(model):
    measured = [["accuracy"], ["mae"]]
    return {"loss_weights": [1.0, 0.3], "metrics": measured}, "adam"


DATA = (
    arrays, arrays_in_order, validation_split, sample_weights, class_weights, generator, pydataset,
    pipeline, loader,
)  # fmt: skip
MODELS = (
    dropout, seeded_noise, batch_normalization, augmented_convolution, lstm, bidirectional_gru,
    attention, embedding,
)  # fmt: skip
FEATURES = (
    plain, momentum, weight_decay, moving_average, accumulation, clipping, loss_scale, schedule,
    several_steps_at_once, eager, bfloat16, regularized, callbacks, own_train_step,
    several_outputs,
)  # fmt: skip


def possible(parts, backend):
    return all(backend in getattr(part, "backends", BACKENDS) for part in parts)


def together(parts, backend):
    """Whether Keras trains a combination: classes have weights where a model has one output, and
    the list that a loader makes of several targets is nothing that TensorFlow takes."""
    refused = {class_weights, loader} if backend == "tensorflow" else {class_weights}
    return several_outputs not in parts or refused.isdisjoint(parts)


def every(backend):
    """Names of all combinations that a backend can train."""
    chosen = (p for p in itertools.product(DATA, MODELS, FEATURES) if together(p, backend))
    return ["/".join(p.__name__ for p in parts) for parts in chosen if possible(parts, backend)]


def sample(backend, number, seed):
    """Some of them, drawn with a seed so that every entry of each list comes as often as others."""
    rng = random.Random(seed)
    lists = [
        [part for part in listed if possible([part], backend)]
        for listed in (DATA, MODELS, FEATURES)
    ]
    columns = []
    for listed in lists:
        rounds = 1 + -(-number // len(listed))  # one more, for those that cannot be
        columns.append([part for _ in range(rounds) for part in rng.sample(listed, len(listed))])
    chosen = (parts for parts in zip(*columns, strict=False) if together(parts, backend))
    return ["/".join(p.__name__ for p in parts) for parts in chosen][:number]


def digest(*values):
    hashed = hashlib.sha256()
    for value in values:
        for leaf in keras.tree.flatten(value):
            hashed.update(np.ascontiguousarray(keras.ops.convert_to_numpy(leaf)).tobytes())
    return hashed.hexdigest()[:16]


def generators():
    """The state of every generator that a script may draw from."""
    states = [random.getstate(), np.random.get_state()]
    from keras.src.backend.common import global_state

    seeds = global_state.get_global_attribute("global_seed_generator")
    states.append(None if seeds is None else np.asarray(keras.ops.convert_to_numpy(seeds.state)))
    if "torch" in sys.modules:
        states.append(sys.modules["torch"].random.get_rng_state().numpy())
    import tensorflow as tf  # there whether or not the backend is: Keras seeds it, too

    states.append(tf.random.uniform([4]).numpy())
    with np.printoptions(threshold=sys.maxsize):
        return hashlib.sha256(repr(states).encode()).hexdigest()[:16]


def train(name):
    data, family, feature = (
        next(part for part in listed if part.__name__ == wanted)
        for listed, wanted in zip((DATA, MODELS, FEATURES), name.split("/"), strict=True)
    )
    keras.utils.set_random_seed(11)
    rng = np.random.default_rng(5)
    x = rng.normal(size=(ROWS, COLUMNS)).astype("float32")
    y = rng.integers(0, CLASSES, ROWS).astype("int64")
    keras.config.set_dtype_policy("mixed_bfloat16" if feature is bfloat16 else "float32")
    kind = stepping_model() if feature is own_train_step else keras.Sequential
    penalty = "l2" if feature is regularized else None
    classify = keras.layers.Dense(
        CLASSES, activation="softmax", dtype="float32", kernel_regularizer=penalty
    )
    model = kind([keras.Input((COLUMNS,)), *family(keras.layers), classify])
    loss = "sparse_categorical_crossentropy"
    if feature is several_outputs:
        within = model.layers[-2].output
        amount = keras.layers.Dense(1, dtype="float32")(keras.layers.Flatten()(within))
        model = keras.Model(model.inputs, [model.outputs[0], amount])
        y, loss = (y, x.sum(1, keepdims=True)), [loss, "mse"]
    settings, optimizer = feature(model)
    settings = {"metrics": ["accuracy"], **settings}
    model.compile(optimizer, loss, **settings)
    feed = data(x, y)
    if feature is callbacks:
        feed["callbacks"] = stock_callbacks()
    history = model.fit(**feed, epochs=2, verbose=0)
    # Before anything is measured: on JAX that may take the buffers that moving averages share.
    trained = digest(model.get_weights()), digest([v.value for v in model.optimizer.variables])
    measured = model.evaluate(x, y, verbose=0), model.predict(x, verbose=0), model(x[:5])
    print(
        name,
        *trained,
        hashlib.sha256(repr(history.history).encode()).hexdigest()[:16],
        digest(*measured, model(x[:5], training=True)),
        generators(),
        flush=True,
    )
    keras.backend.clear_session()


def stock_callbacks():
    return [
        keras.callbacks.EarlyStopping("loss", restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("loss", patience=1),
        keras.callbacks.ModelCheckpoint("best.keras", monitor="loss", save_best_only=True),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        keras.callbacks.CSVLogger("log.csv"),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: np.random.random()),
    ]


def stepping_model():
    """A model that writes its training step itself, as Keras's guides do, on each backend."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        class Stepping(keras.Sequential):
            def train_step(self, data):
                x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
                with tf.GradientTape() as tape:
                    loss = self.compute_loss(x, y, self(x, training=True), weights)
                gradients = tape.gradient(loss, self.trainable_variables)
                self.optimizer.apply(gradients, self.trainable_variables)
                return {"loss": loss}

    elif backend == "torch":
        import torch

        class Stepping(keras.Sequential):
            def train_step(self, data):
                x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
                self.zero_grad()
                loss = self.compute_loss(x, y, self(x, training=True), weights)
                loss.backward()
                with torch.no_grad():
                    gradients = [variable.value.grad for variable in self.trainable_weights]
                    self.optimizer.apply(gradients, self.trainable_weights)
                return {"loss": loss}

    else:
        import jax

        class Stepping(keras.Sequential):
            def train_step(self, state, data):
                trained, others, slots, metrics = state
                x, y, weights = keras.utils.unpack_x_y_sample_weight(data)

                def loss_of(trained, others):
                    given, others = self.stateless_call(trained, others, x, training=True)
                    return self.compute_loss(x, y, given, weights), others

                differentiated = jax.value_and_grad(loss_of, has_aux=True)
                (loss, others), gradients = differentiated(trained, others)
                trained, slots = self.optimizer.stateless_apply(slots, gradients, trained)
                return {"loss": loss}, (trained, others, slots, metrics)

    return Stepping


if __name__ == "__main__":
    import keras
    import numpy as np

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for combination in sys.argv[1:]:
        train(combination)
