"""What steps read besides variables, and what of that they set themselves."""

from __future__ import annotations

import time

import keras
import numpy as np
import pytest

from whydiff.keras_backend.host_generators import never_alike
from whydiff.recorder.describe.training import metric_state
from whydiff.recorder.reads import reads_of, stored_before

COUNT = 0
STATE, SCALE, SEEN = {"step": 0}, {"factor": 2.0}, []
TRACKER = keras.metrics.Mean(name="seen")


class OfClass(keras.layers.Layer):
    calls = 0

    def call(self, x):
        OfClass.calls += 1
        return x * self.calls


class Private(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self._calls, self._rate = 0, 0.5

    def call(self, x):
        self._calls += 1
        return x * self._calls * self._rate


class Global(keras.layers.Layer):
    def call(self, x):
        global COUNT
        COUNT += 1
        STATE["step"] += 1
        SEEN.append(COUNT)
        return x * COUNT * SCALE["factor"] * STATE["step"] / len(SEEN)


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        (OfClass, {"self.calls": 0}),
        (Private, {"self._calls": 0}),
        (Global, {"COUNT": 0, "STATE['step']": 0, "SEEN": []}),
    ],
)
def test_what_a_step_sets_is_state_as_it_was_before_the_first(kind, kept) -> None:
    layer, x = kind(), np.ones((2, 3), "float32")
    before = stored_before([layer])
    layer.call(x)

    def reads():
        found = reads_of(None, {"layer": layer}, False, None, before)
        return {r.name: r for r in found if r.stored}

    found = reads()
    assert {name: r.value for name, r in found.items()} == kept
    after = {name: r.get() for name, r in found.items()}
    assert after != kept
    for read in found.values():
        read.put(read.value)
    assert {name: r.get() for name, r in found.items()} == kept
    for name, read in found.items():
        read.put(after[name])


def test_a_setting_that_steps_only_read_is_no_state() -> None:
    layer = Global()
    before = stored_before([layer])
    layer.call(np.ones((2, 3), "float32"))
    found = {r.name: r for r in reads_of(None, {"layer": layer}, False, None, before)}
    assert not found["SCALE['factor']"].stored and found["SCALE['factor']"].value == 2.0


class Report(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        TRACKER.update_state(1.0)


def test_metrics_that_a_callback_reads_count_as_well() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    facts = {}
    for _ in range(2):
        facts = metric_state(model, {}, np.asarray, [Report()])
        TRACKER.update_state(3.0)
    assert set(facts) == {"metric:seen.total", "metric:seen.count"}
    TRACKER.reset_state()
    assert metric_state(model, {}, np.asarray, [Report()]) == {}


def test_a_schedule_that_reads_the_clock_is_told() -> None:
    def schedule(epoch):
        return 0.1 / time.time()

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert never_alike(model) == []
    callback = keras.callbacks.LearningRateScheduler(schedule)
    assert never_alike(model, None, [callback]) == ["time.time"]
