"""Where a PyDataset of the script's own draws the order of its rows."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from whydiff.core.calls import REORDERS
from whydiff.recorder.measuring.inputs import own_source


class Batches:
    def __init__(self, rows, *, shuffle=True):
        self.rows = list(range(rows))
        self.shuffle = shuffle
        self.on_epoch_end()

    def on_epoch_end(self):
        if self.shuffle:
            random.shuffle(self.rows)

    def __getitem__(self, k):
        return self.rows[k]


class InOrder:
    def __init__(self, rows):
        self.shuffle = rows


class OfItsOwn(Batches):
    def __init__(self, rows):
        super().__init__(rows)


@pytest.mark.parametrize(
    ("dataset", "methods", "shuffle"),
    [
        (Batches(3), ["on_epoch_end", "__init__"], True),
        (InOrder(3), [], False),  # a name inside the constructor is none of its arguments
        (OfItsOwn(3), ["on_epoch_end"], False),
    ],
)
def test_the_methods_that_draw(dataset, methods, shuffle):
    told = own_source(SimpleNamespace(py_dataset=dataset))[REORDERS]
    assert [*told["methods"]] == methods and told["shuffle"] is shuffle
    assert told["class"] == type(dataset).__name__
    line = Batches.on_epoch_end.__code__.co_firstlineno + 2
    assert all(place == [__file__, line] for place in told["methods"].values())


def test_other_sources_have_none():
    assert own_source(SimpleNamespace()) == {}
    library = SimpleNamespace(py_dataset=random.Random())
    assert own_source(library) == {}
