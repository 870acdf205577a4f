"""What is worth knowing beside the causes."""

from dataclasses import replace

from whydiff.core.recording import Side
from whydiff.diagnosis.notes import on_other_samples, restarted
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
