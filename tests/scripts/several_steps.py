"""Prints what comes of hybrids whose steps are made several in one call, as JSON.

By name of a training: the calls of several steps (how many steps each made), whether A's and B's
own fields gave A and B, and whether a hybrid, what was seen on its way and one cut short equal
those made step by step.
"""

import json
import math
import tempfile
from pathlib import Path

import keras
import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.keras_backend import adapter
from whydiff.replay import solo
from whydiff.runner.in_process import begin

MOMENTS = {(-1, -1): True, (0, 3): True, (1, 0): False, (1, 53): True}
SOURCES = ("initialization", "data-order", "noise", "batch-size")
#: steps, for which several in one call are worth it
ENOUGH = 10**6


class Noisy(keras.layers.Layer):
    """Draws with an operation that has a generator of its own."""

    def call(self, x, training=False):
        import tensorflow as tf

        return x + 0.1 * tf.random.normal(tf.shape(x), seed=1) if training else x


class Slower(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 20:
            self.model.optimizer.learning_rate = 0.0002


def trained(layer, callbacks=(), validation=False, sizes=(4, 4)):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(215, 6)).astype("float32")
    y = (x.sum(axis=1) > 0).astype("float32")
    for size in sizes:
        model = keras.Sequential(
            [
                keras.Input((6,)),
                keras.layers.Dense(8, activation="relu"),
                layer(),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        kept = {"validation_data": (x[:9], y[:9])} if validation else {}
        called = [c() for c in callbacks]
        model.fit(x, y, epochs=2, batch_size=size, verbose=0, callbacks=called, **kept)


def told(outcome):
    digests = [tensor_digest(value) for value in outcome.weights.values()]
    return digests, outcome.logs, [p.tobytes() for p in outcome.predictions or ()]


def all_of(lives, differing=frozenset()):
    trainer, found = solo.Solo(lives, differing), []
    for sources in ((), SOURCES, SOURCES[:1]):
        seen = []

        def look(moment, logs, weights, seen=seen):
            values = weights and [tensor_digest(value) for value in weights.values()]
            seen.append((moment, logs, values))

        choice = dict.fromkeys(sources, "b")
        found.append((*told(trainer.train(choice, None, MOMENTS, look)), seen))
    return [*found, told(trainer.train({}, (1, 7)))]


def off_by(wrong, model, made):
    """What a call of several steps gave, with a weight that is wrong by so much behind them."""
    if keras.backend.backend() == "tensorflow":
        model.weights[0].assign_add(np.full(model.weights[0].shape, wrong, "float32"))
        return made
    logs, ((weight, *weights), *others) = made
    return logs, ([weight + wrong, *weights], *others)


def main():
    made = {}
    backend = adapter()
    solo.SMALL_STEP = math.inf  # however busy the machine is
    several_steps = backend.several_steps

    def counted(model, wrong):
        several = several_steps(model, ENOUGH)

        def counting(*fed):
            calls.append(fed[-1])
            return off_by(wrong, model, several(*fed))

        return several and counting

    for name, arguments in {
        "dropout": {"layer": lambda: keras.layers.Dropout(0.3)},
        "normalized": {"layer": keras.layers.BatchNormalization, "validation": True},
        "wrong": {"layer": lambda: keras.layers.Dropout(0.3)},
        "other batches": {"layer": lambda: keras.layers.Dropout(0.3), "sizes": (4, 5)},
        **({} if keras.backend.backend() == "jax" else {"own generator": {"layer": Noisy}}),
        "acted between": {"layer": keras.layers.BatchNormalization, "callbacks": [Slower]},
    }.items():
        session = begin(Path(tempfile.mkdtemp()) / "a.whydiff")
        trained(**arguments)
        lives = dict(zip("ab", session.lives, strict=True))
        session.close(0)
        calls = []
        backend.several_steps = lambda m, _, n=name: counted(m, 1.0 if n == "wrong" else 0.0)
        found = all_of(lives)
        backend.several_steps = lambda *_: None
        ends = [[tensor_digest(value) for value in lives[side].final] for side in "ab"]
        made[name] = {
            "calls": calls,
            "a and b": [found[0][0] == ends[0], found[1][0] == ends[1]],
            "equal": found == all_of(lives),
        }
    print(json.dumps(made))


main()
