"""A study of a tiny Dense net, whole or a shard of it; arguments: FOLDER, then what to do.

``whole``, ``2/4``, ``resume 2/4``; ``dies N 2/4`` is killed while it writes its Nth replica.
"""

import os
import signal
import sys
from pathlib import Path

import keras
import numpy as np

import whydiff
from whydiff.experiments.study import replica_trainer
from whydiff.storage import StudyWriter

replica_trainer.MOST_AT_ONCE = 16  # a pack at a time, so that a kill leaves something behind
rng = np.random.default_rng(0)
x = rng.normal(size=(60, 4)).astype("float32")
y = (x[:, 0] > x[:, 1]).astype("float32")


def build():
    keras.utils.set_random_seed(1)
    layers = [keras.Input((4,)), keras.layers.Dense(3, "tanh"), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential(layers, name="net")
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    return model


def study(name, shard=None, resume=False):
    whydiff.study(
        build, (x[:40], y[:40]), epochs=2, batch_size=10, validation_data=(x[40:], y[40:]),
        blocks=50, engine="fused", shard=shard, resume=resume, output=FOLDER / f"{name}.whydiff",
    )  # fmt: skip


def dies_at(number):
    """Be killed within the transaction that writes the replica of that many."""
    put, written = StudyWriter._put, []

    def counted(self, kept, purpose):
        written.append(kept)
        if len(written) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        put(self, kept, purpose)

    StudyWriter._put = counted


FOLDER = Path(sys.argv[1])
words = sys.argv[2:]
while words:
    word = words.pop(0)
    if word == "dies":
        dies_at(int(words.pop(0)))
        continue
    resume = word == "resume"
    shard = words.pop(0) if resume else None if word == "whole" else word
    study(shard.partition("/")[0] if shard else "whole", shard, resume)
