"""What a resumed training did not get back, decided on plain data."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.recipe import Order
from whydiff.core.recording import STEP_GROUPS
from whydiff.core.resumption import Resume, State
from whydiff.diagnosis.resumed import resumption
from whydiff.report.documents.resumption import document, verdict
from whydiff.report.terminal import plain_text, screen_blocks
from whydiff.testing.sides import a_side

ONE = np.arange(4, dtype="float32")
VARIABLES = {
    "weights": {"dense/kernel": ONE},
    "optimizer slots": {"adam/dense_kernel_momentum": ONE},
    "step count": {"adam/iteration": np.array(6)},
    "seed states": {"dropout/seed_generator_state": np.array([1, 5], "uint32")},
}
CALLBACKS = {"EarlyStopping": {"wait": 1, "patience": 3}}
STATE = State(VARIABLES, CALLBACKS)
RESUME = Resume(1, 1, "model.keras", "state.npz", load=False)


@pytest.fixture
def on():
    """Two epochs of three steps, whose second one can be resumed."""
    fit = a_side().fit
    rows = np.arange(6 * len(STEP_GROUPS), dtype="uint64").reshape(6, -1)
    order = Order((np.arange(10), np.arange(10)[::-1].copy()))
    recipe = replace(fit.recipe, data_order=order)
    return replace(fit, steps=rows, step_epochs=np.repeat([0, 1], 3), recipe=recipe)


def second_epoch(fit, **changed):
    """The fit as a resumption records it: its first epoch is the second."""
    order = Order(fit.recipe.data_order.epochs[1:])
    duration = {**fit.recipe.duration, "initial_epoch": 1}
    recipe = replace(fit.recipe, data_order=order, duration=duration)
    steps = changed.pop("steps", fit.steps[3:])
    epochs = np.full(len(steps), 1)
    return replace(fit, steps=steps, step_epochs=epochs, recipe=recipe, **changed)


def asked(on, again, state=STATE):
    return resumption("train.py", RESUME, (on, STATE), (again, state))


def test_equal_bits_and_equal_states_are_going_on(on):
    answer = asked(on, second_epoch(on))
    assert answer.equal and not answer.not_restored and answer.first == ""
    assert answer.restored[0] == "weights (1)" and "order of the samples" in answer.restored
    assert verdict(answer).endswith("ends bit for bit like the training that goes on.")


def test_equal_weights_with_other_logs_are_not_going_on(on):
    logs = on.epochs[-1].logs
    other = replace(on.epochs[-1], logs={**logs, "loss": 9.0, "auc": 0.5})
    answer = asked(on, second_epoch(on, epochs=(other,)))
    assert not answer.equal and answer.first == ""
    assert (answer.metrics["loss"], answer.metrics["auc"]) == ((logs["loss"], 9.0), (None, 0.5))
    assert asked(on, second_epoch(on, epochs=(replace(other, logs=logs),))).equal
    assert not asked(replace(on, final=()), second_epoch(on, final=())).equal


def test_a_resumption_that_ends_sooner_differs_by_its_number_of_steps(on):
    answer = asked(on, second_epoch(on, steps=on.steps[3:5]))
    assert answer.first == "3 steps going on, 2 steps resumed"
    (lost,) = answer.not_restored
    assert (lost.what, lost.measured) == (
        "order of the samples", "the same samples come in another order, in their number"
    )  # fmt: skip
    two = replace(on, steps=on.steps[:5], step_epochs=on.step_epochs[:5])
    assert asked(two, second_epoch(on, steps=on.steps[3:4])).first.endswith("1 step resumed")


def test_samples_of_an_epoch_that_was_not_recorded_are_none(on):
    once = replace(on, recipe=replace(on.recipe, data_order=Order(on.recipe.data_order.epochs[:1])))
    (lost,) = asked(once, other_batches(on)).not_restored
    assert lost.what == "samples"


def test_batches_that_were_not_seen_are_not_said_to_be_restored(on):
    blind = on.steps.copy()
    blind[:, STEP_GROUPS.index("batch")] = 0
    on = replace(on, steps=blind)
    assert "order of the samples" not in asked(on, second_epoch(on)).restored


@pytest.mark.parametrize(
    ("kind", "value", "measured"),
    [
        ("optimizer slots", np.zeros(4, "float32"), "is all zeros resumed"),
        ("step count", np.array(0), "is 6 going on, 0 resumed"),
        ("seed states", np.array([1, 0], "uint32"), "has other values"),
        ("weights", np.zeros(3, "float32"), "has shape (4,) going on, (3,) resumed"),
    ],
)
def test_a_variable_that_differs_is_named_with_its_values(on, kind, value, measured):
    (name,) = VARIABLES[kind]
    state = State({**VARIABLES, kind: {name: value}}, CALLBACKS)
    (lost,) = asked(on, second_epoch(on, final=()), state).not_restored
    assert (lost.what, lost.measured) == (kind, f"1 of 1 differ: {name} {measured}")
    assert lost.remedy


def test_variables_that_were_not_loaded_at_all_are_counted(on):
    state = State({k: v for k, v in VARIABLES.items() if k != "optimizer slots"}, CALLBACKS)
    (lost,) = asked(on, second_epoch(on), state).not_restored
    assert lost.measured == "0 of 1 were loaded"


def test_what_a_callback_forgot_is_named(on):
    state = State(VARIABLES, {"EarlyStopping": {"wait": 0, "patience": 3}})
    (lost,) = asked(on, second_epoch(on), state).not_restored
    assert (lost.what, lost.measured) == (
        "callback EarlyStopping",
        "wait is 1 going on, 0 resumed",
    )


def other_batches(on):
    steps = on.steps[3:].copy()
    steps[1:, STEP_GROUPS.index("batch")] += 100
    return second_epoch(on, steps=steps, final=())


def test_an_order_that_begins_anew_is_told_from_other_samples(on):
    again = other_batches(on)
    answer = asked(on, again)
    (lost,) = answer.not_restored
    assert lost.what == "order of the samples" and lost.measured.endswith("at step 2 of epoch 2")
    assert answer.first == "epoch 2, step 2: the batch" and not answer.equal

    fewer = replace(again.recipe, data_order=Order((np.arange(6),)))
    (lost,) = asked(on, replace(again, recipe=fewer)).not_restored
    assert lost.what == "samples"


def test_the_answer_says_what_was_lost_and_what_helps(on):
    text = plain_text(screen_blocks(document(asked(on, other_batches(on)))))
    assert "Not restored: order of the samples." in text
    assert "First difference  epoch 2, step 2: the batch" in text
    assert "shuffle=False" in text
