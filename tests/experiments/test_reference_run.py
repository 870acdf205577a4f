"""Whether a run ends as another one: by its results, beyond what rounding does. Nothing trains."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.hybrids import TrainedHybrid
from whydiff.core.lock import Lock
from whydiff.core.progress import Silent
from whydiff.core.recording import Epoch
from whydiff.core.verification import Amplification
from whydiff.experiments.lock.reference import reduced_lock
from whydiff.experiments.lock.rounding import Trial
from whydiff.experiments.reference_run import Reference, in_a_line, outcome_of
from whydiff.testing.calls import call, execution
from whydiff.testing.sides import a_fit, a_side, tensor, weights

WEIGHTS = np.linspace(1, 2, 12, dtype="float32").reshape(4, 3)
#: one ULP in one initial weight moves the weights by up to a millionth
STEADY = Amplification(5, 1e-6, 1e-6, 1.0, 2.0)
CHAOTIC = Amplification(5, 0.3, 0.3, 1e5, 1e6)


def ended(values, **fields):
    """A fit that ended with one kernel, and what its process says of it."""
    fit = a_fit(**{"final": (tensor("dense/kernel", values),), **fields})
    return fit, TrainedHybrid((), [values[:2]], {"dense/kernel": values}, [])


def run(*fits, calls=()):
    numbered = [replace(fit, index=n) for n, (fit, _) in enumerate(fits, 1)]
    made = replace(a_side().execution, fits=tuple(numbered), calls=tuple(calls))
    outcomes = {n: hybrid for n, (_, hybrid) in enumerate(fits, 1)}
    return Trial(None, made, Path(), outcomes)


def judged(before, after, amplification=STEADY):
    lock: Lock = reduced_lock(
        before.execution, Path("train.py"), before.outcomes, before.execution.fits
    )
    measured = dict.fromkeys(before.outcomes, amplification)
    found = Reference(before.execution, lock, measured).judge(after, Silent())
    return found.level, found.why


def test_the_same_bits_are_equal_whatever_variables_are_called():
    renamed = (tensor("other_name/kernel", WEIGHTS),)
    assert judged(run(ended(WEIGHTS)), run(ended(WEIGHTS, final=renamed)))[0] == "equal"


def test_a_setting_that_changed_nothing_is_no_change():
    recipe = a_side(optimizer={"class": "Adam", "clipnorm": 1e9}).recipe
    assert judged(run(ended(WEIGHTS)), run(ended(WEIGHTS, recipe=recipe)))[0] == "equal"


def test_other_weights_are_different_and_the_number_is_told():
    epochs = tuple(replace(e, logs={"loss": 0.4}) for e in a_fit().epochs)
    level, why = judged(run(ended(WEIGHTS)), run(ended(WEIGHTS * 2, epochs=epochs)))
    assert level == "different"
    assert why.startswith("the weights end 0.5") and why.endswith("apart (loss 0.8 vs. 0.4)")


@pytest.mark.parametrize(
    ("far", "measured", "level"),
    [
        (1e-6, STEADY, "rounding"),  # as far as one ULP takes it
        (1e-3, STEADY, "different"),  # a thousand times further
        (1e-3, CHAOTIC, "undecided"),  # this training takes one ULP as far
        (0.3, CHAOTIC, "undecided"),
    ],
)
def test_rounding_is_what_was_measured(far, measured, level):
    moved = WEIGHTS * np.float32(1 + far)
    steps = a_fit().steps.copy()
    steps[0, 2] += 1  # the weights part in the first update, on equal batches
    assert judged(run(ended(WEIGHTS)), run(ended(moved, steps=steps)), measured)[0] == level


def test_a_change_of_the_program_that_goes_far_needs_no_measurement():
    recipe = a_side(optimizer={"class": "SGD"}).recipe
    found = judged(run(ended(WEIGHTS)), run(ended(WEIGHTS * 2, recipe=recipe)), CHAOTIC)
    assert found[0] == "different"


def test_another_number_of_trainings_is_different():
    assert judged(run(ended(WEIGHTS)), run(ended(WEIGHTS), ended(WEIGHTS))) == (
        "different", "2 fits instead of 1 fit",
    )  # fmt: skip


@pytest.mark.parametrize(("loss", "level"), [(0.8, "equal"), (0.8000001, "rounding"),
                                             (0.7, "different")])  # fmt: skip
def test_a_logged_number_counts_although_the_weights_are_equal(loss, level):
    last = Epoch(1, 3, {"accuracy": 0.6, "loss": loss}, weights(101))
    epochs = (a_fit().epochs[0], last)
    assert judged(run(ended(WEIGHTS)), run(ended(WEIGHTS, epochs=epochs)))[0] == level


@pytest.mark.parametrize(
    ("accuracy", "level"), [(0.5, "equal"), (0.50000001, "rounding"), (0.75, "different")]
)
def test_calls_that_measure_count(accuracy, level):
    one, other = (run(calls=[call(1, "evaluate", values={"accuracy": v})]) for v in (0.5, accuracy))
    found = judged(one, other)
    assert found[0] == level
    assert level != "different" or found[1].endswith("another result: accuracy 0.5 vs. 0.75")


def test_a_call_more_at_the_end_changes_nothing():
    calls = [call(1, "predict"), call(2, "evaluate", values={"loss": 1.0})]
    assert judged(run(calls=calls[:1]), run(calls=calls))[0] == "equal"
    assert judged(run(calls=calls[:1]), run(calls=calls[1:]))[0] == "different"


def test_an_outcome_holds_digests_and_the_numbers_of_the_last_fit():
    found = outcome_of(run(ended(WEIGHTS), ended(WEIGHTS * 2)).execution)
    assert (found.metric(), found.metric("loss")) == (("accuracy", 0.6), ("loss", 0.8))
    assert found.initial and found.first and found.final
    only_calls = outcome_of(execution(call(1, "evaluate", values={"loss": 0.25})))
    assert (only_calls.initial, only_calls.final) == ("", "")
    assert only_calls.metric() == ("loss", 0.25)
    assert outcome_of(execution()).metric() is None


def test_trouble_is_one_line():
    said = "train.py exited with 1; its last output:\nTraceback\n  File\nValueError: bad  shape"
    assert in_a_line(WhydiffError(said)) == "train.py exited with 1: ValueError: bad shape"
    assert in_a_line(WhydiffError("no such revision")) == "no such revision"
