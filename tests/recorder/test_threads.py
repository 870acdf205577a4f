"""Of trainings in several threads at once one is watched; others, and those that fail at once, are
noted."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping

import keras
import pytest

from whydiff.core.recording import FAILED_FITS
from whydiff.recorder.session import Session
from whydiff.storage import Writer, load
from whydiff.storage.sealing import BESIDE


class Meanwhile(Mapping):
    """Arguments of a fit; another thread does ``work`` when they are first read."""

    def __init__(self, work, **arguments):
        self.arguments, self.work, self.done = arguments, work, []

    def __getitem__(self, name):
        if not self.done:
            self.done.append(None)
            thread = threading.Thread(target=lambda: self.done.append(self.work()))
            thread.start()
            thread.join()
        return self.arguments[name]

    def __iter__(self):
        return iter(self.arguments)

    def __len__(self):
        return len(self.arguments)


@pytest.fixture
def model():
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


@pytest.fixture
def session(tmp_path):
    return Session(Writer(tmp_path / "r.whydiff", "train.py", ()), 0)


def test_a_fit_that_begins_while_another_thread_describes_its_own_is_counted(session, model):
    arguments = Meanwhile(lambda: session.begin_fit(model, {}), batch_size=2)
    watch = session.begin_fit(model, arguments)
    assert arguments.done == [None, None]  # the other thread's is not watched
    assert watch is not None and watch.index == 1
    session.end_fit(watch, False)
    later = session.begin_fit(model, {})
    assert later is not None  # nobody holds the session any more
    session.end_fit(later, False)
    session.close(0)
    assert load(session.writer.path).environment[BESIDE] == 1


def test_a_step_beside_another_threads_training_is_not_watched(session, model):
    loop = session.open_loop([model], model.optimizer)
    seen = []

    def step():
        with session.stepping_with(loop) as watched:
            seen.append(watched)

    watch = session.begin_fit(model, Meanwhile(step, batch_size=2))
    with session.stepping_with(loop) as watched:  # of the same thread: a callback's own step
        assert watched
    step_beside = threading.Thread(target=step)
    step_beside.start()
    step_beside.join()
    assert seen == [False, False]
    session.end_fit(watch, False)
    step()
    assert seen == [False, False, True]


def test_of_predictions_in_two_threads_at_once_one_is_watched(session, model):
    beside = []
    arguments = Meanwhile(lambda: session.begin_call("predict", "predict", model, {}), x=None)
    watched = session.begin_call("predict", "predict", model, arguments)
    thread = threading.Thread(
        target=lambda: beside.append(session.begin_call("predict", "predict", model, {}))
    )
    thread.start()
    thread.join()
    assert watched is not None and beside == [None]
    session.end_call(watched, False)
    assert session.begin_fit(model, {}) is not None


def test_a_fit_that_fails_before_a_step_is_over_is_noted_with_its_line(session, model):
    line = inspect.currentframe().f_lineno + 1
    session.end_fit(session.begin_fit(model, {}), False)
    session.drop_fit(session.begin_fit(model, {}))  # goes on unwatched
    session.close(1)
    noted = load(session.writer.path).environment[FAILED_FITS]
    assert noted == [f"test_threads.py:{line}"]


def test_a_script_that_puts_its_own_getpid_in_place_is_watched(session, model, monkeypatch):
    monkeypatch.setattr("os.getpid", lambda: 1)
    watch = session.begin_fit(model, {"batch_size": 2})
    assert watch is not None
    session.end_fit(watch, False)
