"""What is worth knowing beside the causes."""

from dataclasses import replace

import pytest

from whydiff.core.recording import STANDARDIZED, Epoch, Side
from whydiff.diagnosis.notes import (
    loss_not_counted,
    on_other_samples,
    other_arguments,
    restarted,
    scaler_to_mend,
    standardized,
)
from whydiff.stats.standardized import EACH, TOGETHER, TRAINING
from whydiff.testing import sides
from whydiff.testing.hybrids import compared
from whydiff.testing.sides import a_fit, a_recipe, a_side, changed, content, facts


def in_two_fits(initial_epoch, callbacks):
    """A training of which a second fit goes on where the first stopped."""
    a = a_side()
    recipe = a_recipe(
        initialization=sides.weights(trained_by=1),
        duration=facts(a, "duration", initial_epoch=initial_epoch),
        optimizer=facts(a, "optimizer", callbacks=callbacks),
    )
    execution = replace(a.execution, fits=(a.fit, a_fit(recipe, index=2)))
    return Side(execution, a.fit)


def test_a_schedule_that_begins_again_in_the_next_fit_is_noted():
    (note,) = restarted(a_side(), in_two_fits(0, ["LearningRateScheduler"]))
    assert note.startswith("B's training goes on in fit 2, which counts epochs from 0 again")
    assert "LearningRateScheduler" in note and "initial_epoch=2, epochs=4" in note


def test_a_training_that_goes_on_counting_or_has_no_schedule_is_not():
    for side in (in_two_fits(2, ["LearningRateScheduler"]), in_two_fits(0, []), a_side()):
        assert not list(restarted(side, a_side()))


def test_a_gap_in_a_number_measured_on_other_samples_says_so():
    a = a_side(data_content=content(validation="aa"))
    sides = compared(a, changed(a, data_content=content(validation="bb")))
    told = {"metric": "val_accuracy", "predictions_differ": 0.0}
    assert "comes from the samples" in on_other_samples(sides, told)[0]
    (note,) = on_other_samples(sides, told | {"predictions_differ": 0.2})
    assert "not that of the weights alone" in note
    assert on_other_samples(sides, told | {"metric": "accuracy"}) == ()
    assert on_other_samples(compared(a, a), told) == ()


def logging(loss, **fields):
    epochs = tuple(Epoch(e, 3, {"loss": loss}, sides.weights(100 + e)) for e in range(2))
    return a_side(fit={"epochs": epochs}, **fields)


def test_a_loss_that_a_step_of_its_own_never_counts_says_nothing():
    own = {"code:train_step": "1f3a"}
    zero, fine = logging(0.0, mode=own), logging(0.3, mode=own)
    (note,) = loss_not_counted(zero, zero)
    assert note.startswith("A and B log a loss of 0 in every epoch, and yet the weights that are ")
    assert next(loss_not_counted(fine, zero)).startswith("B logs a loss of 0")
    still = changed(zero, fit={"final": sides.weights()})
    kept = [replace(t, role="non-trainable") for t in zero.recipe.initialization]
    averages = changed(zero, initialization=tuple(kept))  # which move whatever the loss is
    for side in (fine, logging(0.0), still, averages):
        assert not list(loss_not_counted(side, side))


def test_other_arguments_of_a_recorded_run_are_noted_and_those_of_another_script_are_not():
    a = a_side().execution
    b = replace(a, arguments=("--lr", "0.1", "a name"))
    (note,) = other_arguments(a, b)
    assert note == (
        "The script ran with other arguments: no arguments in A, --lr 0.1 'a name' in B."
    )
    assert other_arguments(a, a) == other_arguments(a, replace(b, script="other.py")) == ()


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (TOGETHER, TRAINING, ["In A", "together", "In B", "alone, as they ought"]),
        (TOGETHER, TOGETHER, ["In A and B", "(a leak)"]),
        (EACH, "", ["In A training and validation samples are standardized each by their own"]),
        (TRAINING, TRAINING, []),
        ("", "", []),
    ],
)
def test_statistics_of_validation_samples_in_the_training_data_are_told(a, b, said):
    one, other = (a_side(fit={"notes": {STANDARDIZED: over}}) for over in (a, b))
    text = " ".join(standardized(one, other))
    assert all(part in text for part in said) and bool(text) is bool(said)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (TOGETHER, TRAINING, "in A statistics of the validation samples leak into the training."),
        (EACH, TOGETHER, "in B statistics of the validation samples leak into the training; in A "
                         "one and the same input becomes two values."),
        (TOGETHER, TOGETHER, "in A and B statistics of the validation samples leak into the "
                             "training."),
        (TRAINING, "", ""),
    ],
)  # fmt: skip
def test_a_scaler_that_leaks_is_what_to_mend_first(a, b, said):
    text = scaler_to_mend(*(a_side(fit={"notes": {STANDARDIZED: over}}) for over in (a, b)))
    assert text.endswith(said) and bool(text) is bool(said)
