"""Callbacks are listed as Keras lists them; copies leave no traces, at their end neither."""

import gc
import inspect

import keras
import pytest

from whydiff.keras_backend.callbacks import as_given, fresh_callback, listed
from whydiff.keras_backend.code import class_digest
from whydiff.recorder.describe.recipe import rate_setter


class Log:
    """Has a file open as long as it lives."""

    def __init__(self, file):
        self.file, self.rows = file, []

    def on_epoch_end(self, epoch):
        self.rows.append(epoch)
        self.file.write(f"{epoch}\n")

    def __del__(self):
        self.file.close()


def test_a_copy_that_is_thrown_away_closes_nothing(tmp_path):
    with (tmp_path / "log.txt").open("w") as file:
        log = Log(file)
        twin = fresh_callback(fresh_callback(log))
        assert isinstance(twin, Log) and type(twin).__name__ == "Log"
        assert type(twin).__mro__[1] is Log  # once, however often it is copied
        assert class_digest(type(twin)) == class_digest(type(fresh_callback(log)))
        twin.on_epoch_end(0)
        del twin
        gc.collect()
        assert not file.closed and log.rows == []
        del log
        assert file.closed


class Own(keras.callbacks.Callback):
    """Everything that a copy may call fails."""

    __slots__ = ("empty", "slot")

    def __setattr__(self, name, value):
        raise RuntimeError(name)

    __getattribute__ = __reduce_ex__ = __copy__ = __setattr__

    def __del__(self):
        """Keeps the copy from being of this very class."""


def test_a_copy_calls_no_code_of_the_callback():
    callback = Own.__new__(Own)
    object.__getattribute__(callback, "__dict__").update(log=[1])
    Own.slot.__set__(callback, 2)
    twin = fresh_callback(callback)
    held = object.__getattribute__(twin, "__dict__")
    assert held == {"log": [1]} and Own.slot.__get__(twin) == 2
    held["log"].append(3)
    assert object.__getattribute__(callback, "__dict__") == {"log": [1]}


class Slotted:
    """Keras takes whatever has its methods."""

    __slots__ = ("slot",)

    def __del__(self):
        """Keeps the copy from being of this very class."""


def test_what_has_slots_alone_or_is_no_callback_is_copied():
    slotted = Slotted()
    slotted.slot = 2
    assert fresh_callback(slotted).slot == 2
    assert fresh_callback(5) == 5  # Keras says itself that it is none


class Several(keras.callbacks.Callback):
    """A callback of a script that holds others, and calls them as it likes."""

    callbacks = (keras.callbacks.TerminateOnNaN(),)

    def on_train_batch_end(self, batch, logs=None):
        """Its own, so in a list it keeps the hooks of all in the thread of the training."""


A, B, C = keras.callbacks.Callback(), Several(), keras.callbacks.History()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, []),
        (B, [B]),
        ((A, B), [A, B]),
        ([A, [B, {"z": C, "a": A}]], [A, B, A, C]),
        ({"b": B, "a": A}, [A, B]),
    ],
)
def test_callbacks_are_listed_and_taken_as_keras_does(given, expected):
    assert listed(given) == expected
    both = [keras.callbacks.CallbackList(one) for one in (given, as_given(given, expected))
            if not _nested(one)]  # fmt: skip
    assert all(one.callbacks == expected for one in both)
    assert len({one._async_train for one in both}) <= 1
    assert _nested(given) == _nested(as_given(given, expected))
    assert listed(keras.callbacks.CallbackList(expected)) == expected


def _nested(given):
    """Where hooks may run in another thread Keras refuses these."""
    return isinstance(given, (list, tuple)) and any(isinstance(one, list) for one in given)


class Halving(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.halve()

    def halve(self):
        rate = self.model.optimizer.learning_rate
        rate.assign(rate / 2)


class Looking(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(self.model.optimizer.learning_rate)


def slower(epoch, rate):
    return rate / 2


def test_a_callback_that_sets_the_learning_rate_is_told_with_its_line():
    line = inspect.getsourcelines(Halving.halve)[1] + 2
    assert rate_setter(Halving()) == f"Halving (test_callbacks.py:{line})"
    assert rate_setter(Looking()) == rate_setter(keras.callbacks.EarlyStopping()) == ""
    scheduled = rate_setter(keras.callbacks.LearningRateScheduler(slower))
    line = inspect.getsourcelines(slower)[1]
    assert scheduled == f"LearningRateScheduler with slower (test_callbacks.py:{line})"
