"""What steps read besides variables, and what of that they set themselves."""

from __future__ import annotations

import time

import keras
import numpy as np
import pytest

from whydiff.keras_backend import adapter_of
from whydiff.keras_backend.callbacks import fresh_callback
from whydiff.keras_backend.host_generators import never_alike
from whydiff.recorder.describe.training import metric_state
from whydiff.recorder.interference import Interference
from whydiff.recorder.reads import SetAside, reads_of, stored_before, values_now

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


class Temperature:
    def __init__(self, value):
        self.value = value


class Cooled(keras.layers.Layer):
    def __init__(self, temperature, **more):
        super().__init__(**more)
        self.temperature = temperature

    def call(self, x):
        return x / self.temperature.value


def read_by(temperature):
    return reads_of(None, {"cooled": Cooled(temperature)}, False, None, {})


def test_what_an_earlier_training_set_and_left_is_state_of_the_next() -> None:
    shared, set_aside = Temperature(4.0), SetAside()
    first, left = set_aside.found_by(read_by(shared))
    assert not left and not any(read.stored for read in first)
    shared.value = 1.0
    set_aside.after(1, first)
    reads, left = set_aside.found_by(read_by(shared))
    assert left == {"layer:cooled:temperature.value (read from outside)": 1}
    assert [read.value for read in reads if read.stored] == [1.0]


def test_what_the_script_sets_before_a_training_is_no_state() -> None:
    shared, set_aside = Temperature(4.0), SetAside()
    first, _ = set_aside.found_by(read_by(shared))
    set_aside.after(1, first)  # it left what was there
    assert not set_aside.found_by(read_by(shared))[1]
    shared.value = 1.0
    set_aside.after(1, first)
    assert not set_aside.found_by(read_by(Temperature(1.0)))[1]  # another object
    shared.value = 2.0
    assert not set_aside.found_by(read_by(shared))[1]  # set anew since


def test_a_callback_that_sets_what_a_layer_reads_acts_on_the_training() -> None:
    class Anneal(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            shared.value *= 0.5

    shared, callback, acted = Temperature(4.0), Anneal(), set()
    model = keras.Sequential([keras.Input((2,)), Cooled(shared)])
    interference = Interference(adapter_of(model), model, [callback], acted)
    interference.reads = lambda: values_now(read_by(shared))
    before, _, behind = interference.surrounded([callback])
    before.on_epoch_end(0)
    behind.on_epoch_end(0)
    assert interference.acting == set()
    before.on_epoch_end(1)
    callback.on_epoch_end(1)
    behind.on_epoch_end(1)
    assert interference.acting == {0}
    again = Interference(adapter_of(model), model, [Anneal()], acted)
    assert again.acting == {0}, "also where it finds nothing to change"


def test_a_callback_that_freezes_a_layer_acts_on_the_training() -> None:
    class Freeze(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            model.layers[0].trainable = epoch == 0

    class FreezeWithin(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            model.layers[0].trainable = False

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    callbacks = [Freeze(), keras.callbacks.Callback(), FreezeWithin()]
    interference = Interference(adapter_of(model), model, callbacks, set())
    for epoch, acting in enumerate([set(), {0}]):
        for each in interference.surrounded(callbacks):
            each.on_epoch_end(epoch)
        assert interference.acting == acting
    interference = Interference(adapter_of(model), model, callbacks, set())
    model.layers[0].trainable = True
    interference.probe(None)
    callbacks[2].on_train_batch_end(0)
    interference.probe(None)
    assert interference.acting == {2}


class Cools(keras.callbacks.Callback):
    seen = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.seen += 1
        self.cool()

    def cool(self):
        if self.seen > 3:
            self.model.optimizer.learning_rate = 0.1


class Assigns(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.model.optimizer.learning_rate.assign(0.1)


class Ends(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = logs["loss"] < 0.1


class Prints(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(self.model.optimizer.learning_rate)


def test_a_callback_whose_code_sets_a_rate_or_an_end_counts_before_it_does():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    callbacks = [Cools(), Prints(), Assigns(), Ends()]
    watching = Interference(adapter_of(model), model, callbacks, set())
    assert watching.acting == {0, 2} and watching.ending == {3}


def test_what_a_training_left_in_a_callback_is_found_by_the_next_one_that_gets_it():
    aside, counted, new = SetAside(), Cools(), Cools()
    begun = [fresh_callback(counted)]
    counted.on_epoch_begin(0)
    counted.seen = 4
    aside.after_callbacks(1, [counted], begun)
    assert aside.found_in([counted, new]) == {"Cools.seen": 1}
    counted.seen = 5  # set anew by the script
    assert aside.found_in([counted]) == {}


class Centered(keras.layers.Layer):
    def __init__(self, **more):
        super().__init__(**more)
        self.center = 0.0

    def call(self, x):
        self.center = 0.9 * self.center + 0.1 * x.mean(axis=0)
        return x - self.center


def test_an_array_that_a_step_keeps_in_an_attribute_is_state_as_well() -> None:
    layer, x = Centered(), np.ones((2, 3), "float32")
    begun = []
    for _ in range(2):
        before = stored_before([layer])
        layer.call(x)
        (read,) = (r for r in reads_of(None, {"layer": layer}, False, None, before) if r.stored)
        begun.append(read.value)
    assert begun[0] == 0.0 and np.allclose(begun[1], 0.1)
    layer.center += 1.0  # in place
    assert np.allclose(begun[1], 0.1)
