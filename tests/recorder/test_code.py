"""What is seen of functions of the script's own: what they read, what they forget."""

import argparse
import dataclasses

import numpy as np

from whydiff.keras_backend.code import (
    accumulates_gradients,
    code_digest,
    draws_at,
    read_outside,
    stored_by_libraries,
)

gain, table, unread = 2.0, np.arange(3), 5
module = np


def scaled(x):
    return x * gain + table.sum()


def outer(power):
    def inner(x):
        return scaled(module.abs(x)) ** power

    return inner


def values(function):
    return {read.name: read.value for read in read_outside(function)}


def test_globals_and_closures_are_read_through_called_functions():
    found = values(outer(3))
    assert set(found) == {"power", "gain", "table"}
    assert found["power"] == 3 and found["gain"] == 2.0 and found["table"] is table


def test_what_was_read_can_be_put_back():
    function = outer(3)
    reads = {read.name: read for read in read_outside(function)}
    reads["power"].put(4)
    assert function.__closure__[0].cell_contents == 4 == reads["power"].get()
    reads["gain"].put(7.0)
    try:
        assert gain == 7.0 == reads["gain"].get()
    finally:
        reads["gain"].put(2.0)


def test_a_function_that_reads_nothing_gives_nothing():
    assert values(lambda x: x + 1) == {}
    assert values(np.abs) == {}


def test_an_attribute_is_no_global_of_the_same_name():
    def of_attribute(layer):
        return layer.gain

    def of_global():
        return gain

    assert values(of_attribute) == {} and set(values(of_global)) == {"gain"}
    before = [code_digest(f) for f in (of_attribute, of_global)]
    globals()["gain"] = 3.0
    try:
        after = [code_digest(f) for f in (of_attribute, of_global)]
    finally:
        globals()["gain"] = 2.0
    assert [x == y for x, y in zip(before, after, strict=True)] == [True, False]


class Step:
    def forgets(self, loss):
        loss.backward()

    def zeroes(self, model, loss):
        model.zero_grad()
        loss.backward()

    def zeroes_elsewhere(self, model, loss):
        clear(model)
        loss.backward()

    def sets(self, weights, loss):
        for weight in weights:
            weight.grad = None
        loss.backward()


def clear(model):
    model.zero_grad()


def test_a_step_that_zeroes_its_gradients_anywhere_does_not_add_them_up():
    assert accumulates_gradients(Step, ("forgets",))
    for method in ("zeroes", "zeroes_elsewhere", "sets"):
        assert not accumulates_gradients(Step, (method,)), method


def test_what_a_library_sets_on_its_objects_is_no_setting_of_the_users():
    library = type("Library", (), {"compile": lambda self: setattr(self, "x", 1)})
    library.__module__ = "keras.src.x"

    def compile_(self):
        self.loss = self.function = None

    library.compile = compile_

    class Mine(library):
        def __init__(self):
            self.loss = "mine"

    assert stored_by_libraries(Mine) == {"function"}


@dataclasses.dataclass(frozen=True)
class Settings:
    rate: float = 0.5
    name: str = "small"


class Defaults:
    slope = 3.0
    unread = 1.0


CONFIG, UNREAD_DICT = {"power": 2, "other": 1}, {"power": 4}
settings, arguments = Settings(), argparse.Namespace(shift=1.0, seed=0)
model_like = np.random.default_rng(0)


def configured(x):
    key_unknown = CONFIG["power"] * settings.rate + arguments.shift * Defaults.slope
    return x**key_unknown + model_like.normal()


def test_settings_held_by_dicts_namespaces_and_classes_are_read_one_by_one():
    assert values(configured) == {
        "CONFIG['power']": 2,
        "settings.rate": 0.5,
        "arguments.shift": 1.0,
        "Defaults.slope": 3.0,
    }


def test_a_setting_can_be_put_back_where_it_was_held():
    for read in read_outside(configured):
        read.put(9)
        assert read.get() == 9
        read.put(read.value)
    assert (CONFIG["power"], settings.rate, arguments.shift, Defaults.slope) == (2, 0.5, 1.0, 3.0)


class Shuffling:
    """As a PyDataset of the script's own is: what draws is called by what Keras calls."""

    def __init__(self, rows, rng):
        self.order, self.rng, self.sample = np.arange(rows), rng, rows

    def on_epoch_end(self):
        self.mix()

    def mix(self):
        self.order = self.order[:]
        self.rng.shuffle(self.order)

    def __getitem__(self, k):
        return self.order[k], self.sample

    def by_global(self):
        return np.argsort(np.random.rand(self.sample))


def test_where_a_class_draws():
    first = Shuffling.mix.__code__.co_firstlineno
    assert draws_at(Shuffling, "on_epoch_end") == (__file__, first + 2)
    assert draws_at(Shuffling, "by_global") == (
        __file__,
        Shuffling.by_global.__code__.co_firstlineno + 1,
    )
    # an attribute of that name is no draw
    assert draws_at(Shuffling, "__getitem__") is None and draws_at(Shuffling, "__init__") is None
    assert draws_at(Shuffling, "no_such_method") is None
