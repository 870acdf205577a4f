"""Which generators draw while a stream of the script's own feeds a training."""

import random

import keras
import numpy as np

from whydiff.recorder.feed_draws import FeedDraws, feed_draws


def shuffled(rng, rows=8):
    order = np.arange(rows)
    while True:
        rng.shuffle(order)
        yield from order


def made_inside(seed):
    yield from shuffled(np.random.default_rng(seed))


class Rows(keras.utils.PyDataset):
    def __init__(self, rng):
        super().__init__()
        self.rng = rng

    def __getitem__(self, index):
        return self.rng.integers(9)


def drew(data, use):
    watch = FeedDraws(data)
    use(data)
    watch.look()
    use(data)
    return watch.names()


def test_the_generators_that_feed_are_found_by_their_draws():
    assert drew(shuffled(np.random.default_rng(3)), next) == [3]
    assert drew(made_inside(4), next) == [4]
    assert drew(Rows(np.random.default_rng(5)), lambda rows: rows[0]) == [5]
    assert drew(Rows(np.random.default_rng(5)), lambda rows: None) == []
    assert drew(shuffled(np.random.default_rng()), next) == [None]
    assert drew(shuffled(random.Random(3)), next) == [None]
    assert drew(shuffled(np.random), next) == ["numpy"]
    assert drew(shuffled(random), next) == ["random"]


def test_only_streams_of_the_script_are_looked_into():
    assert feed_draws(keras, np.zeros(3)) is None
    assert feed_draws(keras, shuffled(random)) is not None
