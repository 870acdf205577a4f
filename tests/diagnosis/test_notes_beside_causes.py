"""What a reader should know beside the causes: sentences on what the proofs lack."""

from dataclasses import replace

import pytest

from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause
from whydiff.core.progress import Silent
from whydiff.core.recording import RANDOM_MAP, Epoch, Side
from whydiff.core.words import capital
from whydiff.diagnosis.notes import (
    frozen_in_every_epoch,
    on,
    on_kept_epochs,
    on_other_weights,
    restarted,
)
from whydiff.diagnosis.sources.arithmetic import UNRECORDED
from whydiff.diagnosis.trials import run_trials, untrained
from whydiff.testing import sides
from whydiff.testing.hybrids import SimulatedTrainer, additive, compared
from whydiff.testing.sides import a_fit, a_recipe, a_side, changed, facts

EFFECTS = {"initialization": (1.0, 0.0), "data-order": (0.0, 1.0)}


def two_sides():
    """Two sides that differ in initial weights, order and what they ended with."""
    a = a_side()
    other = {"final": sides.weights(7), "epochs": ()}
    return compared(
        a, changed(a, fit=other, initialization=sides.weights(1), data_order=sides.shuffled(2))
    )


def trials_of(effects=None, **options):
    effects = EFFECTS if effects is None else effects
    trainer = SimulatedTrainer(tuple(effects), additive(effects), **options)
    return run_trials(trainer, tuple(effects), None, Silent())


def cause(source, **fields):
    plain = {"detail": "", "status": SUSPECTED, "evidence": "", "remedy": ""}
    return Cause(source, **(plain | fields))


def notes(sides=None, trials=None, *causes):
    return on(sides or two_sides(), trials or trials_of(), causes)


def test_nothing_is_said_where_all_was_proven():
    assert notes() == ()


def test_differences_without_effect():
    a = a_side()
    same = compared(a, changed(a, noise=sides.seed_states(6)))
    quiet = trials_of({"noise": (0.0, 0.0)})
    (note,) = notes(same, quiet)
    assert note == (
        "noise differs without effect: the final weights and every logged number are the same bits."
    )
    two = compared(a, changed(a, noise=sides.seed_states(6), data_order=sides.shuffled(2)))
    assert notes(two, quiet)[0].startswith("data-order and noise differ without effect")
    assert notes(same, quiet, cause("noise")) == ()


def test_a_side_that_was_not_reproduced_says_by_how_much():
    lost = trials_of(a=(9.0, 9.0), logs=lambda coalition: [{"loss": 0.5, "accuracy": 0.25}])
    (note,) = notes(None, lost)
    start = "This training cannot be reproduced from what was recorded: A trained again from its"
    assert note.startswith(start)
    assert "logs accuracy 0.25 vs. 0.5 in epoch 1, and ends with other weights" in note
    assert "the two differ in initialization and data-order. Something in the training" in note
    logged = [{"accuracy": 0.5, "loss": 1.0}, {"accuracy": 0.6, "loss": 0.75}]
    second = trials_of(a=(9.0, 9.0), logs=lambda coalition: logged)
    assert "logs loss 0.75 vs. 0.8 in epoch 2" in notes(None, second)[0]
    bare = trials_of(a=(9.0, 9.0))
    assert (
        "logs the same numbers and yet ends with other weights. So no cause" in notes(None, bare)[0]
    )


def test_a_side_that_was_not_reproduced_and_causes_that_a_fix_confirms():
    lost = trials_of(a=(9.0, 9.0))
    confirmed = cause("initialization", status=CONFIRMED)
    (note,) = notes(None, lost, confirmed, cause("noise"))
    assert note.endswith(
        "so no share can be measured: initialization is confirmed by the fix, with which two runs "
        "agree."
    )
    both = notes(None, lost, confirmed, cause("data-order", status=CONFIRMED))[0]
    assert "initialization and data-order are confirmed by the fix" in both


def test_calls_that_never_give_the_same_value_are_named():
    found = two_sides()
    fit = replace(found.a.fit, notes={"never alike": ["time.time", "os.urandom"]})
    a = Side(replace(found.a.execution, fits=(fit,)), fit)
    (note,) = notes(replace(found, a=a), trials_of(a=(9.0, 9.0)))
    assert "or of a callback, calls time.time() and os.urandom(), which gives another value" in note
    for odd in (None, [], "time.time"):
        fit = replace(found.a.fit, notes={"never alike": odd})
        a = Side(replace(found.a.execution, fits=(fit,)), fit)
        assert "never" not in notes(replace(found, a=a), trials_of(a=(9.0, 9.0)))[0]


def test_a_training_that_could_not_be_trained_again_says_why():
    found = two_sides()
    (note,) = notes(found, untrained(found, "the samples were too large to keep", (None, None)))
    assert note.startswith("This training could not be trained again from what was recorded")
    assert "the two differ in initialization and data-order." in note


def test_causes_that_offset_each_other():
    partly = cause("initialization", offsets=("data-order",), share=1.4, alone=1.5)
    found = notes(None, None, partly, cause("data-order", offsets=("initialization",), share=-0.4))
    assert any("partly offset each other" in n or "offset each other:" in n for n in found)
    assert not any("offset" in n for n in notes(None, None, cause("initialization", share=1.0)))


@pytest.mark.parametrize("shares", [(0.5, 0.5), (1.0, None)])
def test_amplification_that_was_measured(shares):
    effects = {"initialization": (1.0, 0.0), "data-order": (1.0, 0.0)}
    trainer = SimulatedTrainer(tuple(effects), additive(effects), grown=1.5)
    trials = run_trials(trainer, tuple(effects), None, Silent())
    causes = [cause(s, share=share) for s, share in zip(effects, shares, strict=True)]
    found = [n for n in notes(None, trials, *causes) if n.startswith("This training amplifies")]
    assert len(found) == (trials.nudged is not None)
    if found:
        assert found[0].endswith("So the shares do not rank the causes.") == (None not in shares)


def test_hybrids_that_the_script_trained_are_counted():
    trials = replace(trials_of(), how="by running the script again")
    assert "4 hybrids were trained by running the script again." in notes(None, trials)
    one = replace(trials, hybrids={frozenset(): trials.hybrids[frozenset()]})
    assert "1 hybrid was trained by running the script again." in notes(None, one)
    assert not any("trained by" in n for n in notes(None, replace(trials, hybrids={})))


def test_sources_taken_together_or_left_out():
    trials = trials_of()
    bound = replace(trials, bound=("initialization", "noise"))
    assert any(
        n.startswith("initialization and noise fit only together") for n in notes(None, bound)
    )
    apart = replace(trials, together=[(("a", "b"), "their shapes differ")])
    assert "a, b could not be taken from B together: their shapes differ." in notes(None, apart)
    late = replace(trials, left_out=3)
    assert any(n.startswith("3 hybrids were left out for lack of time") for n in notes(None, late))


def test_a_loss_that_evaluates_to_another_number_in_inference_mode():
    parts = {"logged": 1.0, "evaluated": 0.5, "moving weights": 0.1, "random layers": -0.05,
             "batch normalization": -0.3}  # fmt: skip
    far = replace(trials_of(), measured={"a": parts})
    (note,) = notes(None, far)
    assert note.startswith(
        "A logged a training loss of 1, yet evaluated with the same weights it is 0.5: +0.1 from "
        "moving weights, -0.05 from random layers, -0.3 from batch normalization."
    )
    near = replace(far, measured={"a": parts | {"batch normalization": 0.2}})
    assert notes(None, near) == ()
    small = {k: v * 1e-12 for k, v in parts.items()}
    assert notes(None, replace(far, measured={"a": small})) == ()
    larger = parts | {"logged": 0.1, "evaluated": -2.0, "batch normalization": 0.39}
    assert notes(None, replace(far, measured={"b": larger})) == ()
    assert (
        len(notes(None, replace(far, measured={"b": larger | {"batch normalization": 0.41}}))) == 1
    )


def test_a_metric_that_goes_on_counting_is_told_beside_other_causes():
    a = a_side(measurement=facts(a_side(), "measurement", **{"metric:acc": 3.0}))
    found = compared(a_side(), changed(a, fit={"final": sides.weights(7)},
                                       initialization=sides.weights(1)))  # fmt: skip
    trials = trials_of({"initialization": (1.0, 0.0)})
    (note,) = notes(found, trials, cause("initialization"))
    assert note.startswith("A metric begins with what it counted before: acc is 0 in A and 3 in B.")
    assert "So what it logs cannot be compared, whatever the weights: " in note
    assert notes(found, trials, cause("measurement")) == ()


def test_a_difference_that_nothing_recorded_explains_says_what_was_looked_for():
    a = a_side()
    found = compared(a, changed(a, fit={"final": sides.weights(7), "epochs": ()}))
    (note,) = notes(found)
    assert note.startswith(f"{capital(UNRECORDED)} first differs at epoch 2, step 3")
    assert "in the phase end. Looked for and not found: " in note
    assert not any("Looked for" in n for n in (*notes(), *notes(found, None, cause("noise"))))


def test_a_schedule_begins_again_where_epochs_were_trained_before():
    a = a_side()
    recipe = a_recipe(
        initialization=sides.weights(trained_by=1),
        duration=facts(a, "duration", initial_epoch=0),
        optimizer=facts(a, "optimizer", callbacks=["LearningRateScheduler"]),
    )
    three = replace(a.execution, fits=(a.fit, a_fit(recipe, index=2), a_fit(recipe, index=3)))
    (note,) = restarted(Side(three, three.fits[0]), a)
    assert note.startswith("A's training goes on in fit 2") and "initial_epoch=2, epochs=4" in note
    nothing = replace(a.fit, epochs=())
    short = replace(a.execution, fits=(nothing, a_fit(recipe, index=2)))
    assert list(restarted(a, Side(short, nothing))) == []


def test_a_logged_mean_with_other_weights_is_no_gap_of_errors_alone():
    a = a_side()
    weighted = a_side(
        objective=facts(a, "objective", sample_weight=True),
        measurement=facts(a, "measurement", weighted_metrics=["mae"]),
    )
    for metric in ("loss", "mae"):
        (note,) = on_other_weights(compared(weighted, a), {"metric": metric})
        assert note.startswith(f"In A the logged {metric} is a mean with the weights of")
    assert not on_other_weights(compared(weighted, a), {"metric": "accuracy"})
    assert not on_other_weights(compared(weighted, a), {"metric": "val_loss"})
    assert not on_other_weights(compared(weighted, weighted), {"metric": "loss"})


def test_random_changes_that_every_epoch_repeats_are_said():
    stream = a_side(data_order=sides.order([0, 1, 2], [2, 0, 1], relative=True))
    mapped = changed(stream, fit={"notes": {RANDOM_MAP: True}})
    (note,) = frozen_in_every_epoch(mapped, stream)
    assert note.startswith("In A a map of the tf.data pipeline")
    assert not list(frozen_in_every_epoch(stream, stream))
    fresh = changed(mapped, data_order=sides.order([0, 1], [2, 3], relative=True))
    assert not list(frozen_in_every_epoch(fresh, stream))


def test_the_number_of_the_last_epoch_is_not_that_of_weights_put_back():
    first, last = sides.weights(1), sides.weights(2)

    def ended(final):
        epochs = (Epoch(0, 3, {"val_loss": 0.5}, first), Epoch(1, 3, {"val_loss": 0.75}, last))
        return changed(a_side(), fit={"epochs": epochs, "final": final})

    (note,) = on_kept_epochs(compared(ended(first), ended(last)), {"metric": "val_loss"})
    assert "A with those of epoch 1 of 2 and B with those of epoch 2 of 2" in note
    assert note.endswith("In these epochs it was 0.5 vs. 0.75.")
    assert not on_kept_epochs(compared(ended(last), ended(last)), {"metric": "val_loss"})
