"""Uses of models that measure, one of each kind; prints a line per use with a hash of what it gave
and of every generator afterwards."""

import hashlib
import pickle
import random
import tempfile
from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, make_scorer

BACKEND = keras.backend.backend()
FOLDER = Path(tempfile.mkdtemp())
SCALE = 2.0
RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 6)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("float32")


def array(value):
    if BACKEND == "torch" and hasattr(value, "detach"):
        value = value.detach()
    return np.asarray(keras.ops.convert_to_numpy(value))


def show(name, *values):
    digest = hashlib.sha256()
    for value in values:
        for leaf in keras.tree.flatten(value):
            digest.update(np.ascontiguousarray(array(leaf)).tobytes())
    digest.update(repr(random.getstate()).encode())
    digest.update(repr(np.random.get_state()).encode())
    if BACKEND == "torch":
        import torch

        digest.update(torch.random.get_rng_state().numpy().tobytes())
    print(name, digest.hexdigest()[:24])


def dense(dropout=0.3, name=None):
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(1, activation="sigmoid"),
        ],
        name=name,
    )


def compiled(model):
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


class Sub(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.one, self.two = keras.layers.Dense(4), keras.layers.Dense(2)
        self.drop = keras.layers.Dropout(0.5)
        self.factor = 1.5

    def call(self, x, training=None):
        return {"a": self.two(self.drop(self.one(x), training=training)) * self.factor, "b": x}


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, i):
        return X[20 * i : 20 * i + 20], Y[20 * i : 20 * i + 20]


def generator():
    for start in range(0, 60, 20):
        yield X[start : start + 20], Y[start : start + 20]


class Watching(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        show(f"inside fit {epoch}", self.model.predict(X[:5], verbose=0))


keras.utils.set_random_seed(7)
model = compiled(dense())
show("predict", model.predict(X, verbose=0))
show("predict again", model.predict(X, batch_size=16, verbose=0))
show("called", model(X))
show("called in training", model(X, training=True))
show("called on one row", model(X[:1], training=False))
show("on batch", model.predict_on_batch(X[:10]))
show("evaluate", model.evaluate(X, Y, verbose=0))
show("evaluate as a dict", list(model.evaluate(X, Y, verbose=0, return_dict=True).values()))
show("test on batch", model.test_on_batch(X[:10], Y[:10]))
show("weighted", model.evaluate(X, Y, sample_weight=np.arange(70.0), verbose=0))
show("steps", model.predict(X, batch_size=16, steps=2, verbose=0))
show("PyDataset", model.predict(Batches(), verbose=0), model.evaluate(Batches(), verbose=0))
show("generator", model.predict(generator(), verbose=0))

callbacks = [
    Watching(),
    keras.callbacks.ModelCheckpoint(str(FOLDER / "best.keras"), save_best_only=True),
    keras.callbacks.EarlyStopping(restore_best_weights=True),
]
history = model.fit(X, Y, epochs=2, validation_split=0.2, callbacks=callbacks, verbose=0)
show("fit", history.history["loss"])
show("after fit", model.evaluate(X, Y, verbose=0), model.get_weights())

sub = Sub()
show("subclassed, unbuilt", sub.predict(X[:9], verbose=0))
show("subclassed, called", sub(X[:9]), sub(X[:9], training=True))

named = {"left": keras.Input((6,), name="left"), "right": keras.Input((6,), name="right")}
joined = keras.layers.concatenate([named["left"], named["right"]])
inner = dense(name="inner")
two = keras.Model(
    named, {"sum": keras.layers.Dense(2)(joined), "inner": inner(named["left"])}, name="two"
)
show("named", two.predict({"left": X, "right": -X}, verbose=0), two({"left": X, "right": X}))
listed = keras.Model(list(named.values()), list(two(named).values()))
show("listed", listed.predict([X, X], verbose=0))

model.save(FOLDER / "model.keras")
loaded = keras.models.load_model(FOLDER / "model.keras")
best = keras.models.load_model(FOLDER / "best.keras")
show("best", best(X))
show("loaded", loaded.predict(X, verbose=0), loaded.evaluate(X, Y, verbose=0))
model.save_weights(FOLDER / "model.weights.h5")
other = compiled(dense())
other.load_weights(FOLDER / "model.weights.h5")
show("weights loaded", other(X))
clone = keras.models.clone_model(model)
show("cloned", clone.predict(X, verbose=0))
clone.set_weights(model.get_weights())
show("copied", clone.predict(X, verbose=0))
clone.layers[0].kernel.assign(clone.layers[0].kernel * 2)
clone.layers[0].trainable = False
show("assigned", clone.predict(X, verbose=0))
show("pickled", pickle.loads(pickle.dumps(model)).predict(X, verbose=0))

reading = keras.Sequential([keras.Input((6,)), keras.layers.Lambda(lambda t: t * SCALE)])
show("global", reading.predict(X, verbose=0))
SCALE = 3.0
show("global changed", reading.predict(X, verbose=0), reading(X))
normal = keras.layers.Normalization()
normal.adapt(X)
show("normalized", keras.Sequential([keras.Input((6,)), normal]).predict(X, verbose=0))
state = keras.Sequential([keras.Input(batch_shape=(10, 3, 2)), keras.layers.LSTM(4, stateful=True)])
rows = X[:10].reshape(10, 3, 2)
show("stateful", state.predict(rows, verbose=0), state.predict(rows, verbose=0), state(rows))

guess = model.predict(X, verbose=0)
show("scored", accuracy_score(Y, guess.ravel() > 0.5), confusion_matrix(Y, np.round(guess)))
scorer = pickle.loads(pickle.dumps(make_scorer(accuracy_score)))
show("scorer", [scorer._score_func(Y, guess.ravel() > 0.5)])
metric = keras.metrics.AUC()
show("metric", metric(Y[:, None], guess), keras.losses.MeanSquaredError()(Y[:, None], guess))


if BACKEND == "tensorflow":
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(70, seed=3).batch(16)
    show("tf.data", model.predict(data, verbose=0), model.evaluate(data, verbose=0))
    traced = tf.function(model)
    show("traced", traced(tf.constant(X)), traced(tf.constant(X)))
    words = keras.layers.TextVectorization(output_mode="int", output_sequence_length=4)
    words.adapt(["the cat sat", "on the mat"])
    text = keras.Sequential([keras.Input((), dtype="string"), words, keras.layers.Embedding(9, 2)])
    show("strings", text.predict(tf.constant(["the mat", "a dog"]), verbose=0))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(X, training=True))
    show("tape", tape.gradient(loss, model.trainable_weights))
elif BACKEND == "torch":
    import torch

    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    loader = torch.utils.data.DataLoader(data, batch_size=16, shuffle=True)
    show("loader", model.predict(loader, verbose=0), model.evaluate(loader, verbose=0))
    chain = torch.nn.Sequential(model, torch.nn.Linear(1, 2))
    show("module", chain(torch.from_numpy(X)))
    model(torch.from_numpy(X)).sum().backward()
    show("backward", [w.value.grad for w in model.trainable_weights])
else:
    import jax

    traced = jax.jit(lambda x: model.stateless_call(
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables], x)[0])  # fmt: skip
    show("jit", traced(X), jax.jit(model)(X))
