"""A gap between fit's log and evaluate, taken into parts that were measured."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.calls import AFTER_STEPS, WITHIN
from whydiff.diagnosis.calls.logged import emptied_by, judge_parts, judge_step
from whydiff.testing.calls import call
from whydiff.testing.sides import a_fit

PARTS = {
    "logged": 1.0,
    "evaluated": 0.6,
    "moving weights": 0.0,
    "random layers": 0.0,
    "batch normalization": 0.0,
    "weights": 0.0,
    "same weights": True,
    "answers": 0.0,
    "random": [],
    "normalizing": [],
    "batches": 4,
    "of batches": 4,
}


def judged(**parts):
    found = judge_parts({**PARTS, **{k.replace("_", " "): v for k, v in parts.items()}}, "loss")
    return found, {c.source: c for c in found.causes}


def test_every_part_of_the_gap_is_a_cause_with_its_share():
    found, causes = judged(moving_weights=0.1, random_layers=0.3, random=["dropout"])
    assert list(causes) == ["mode", "measurement"]  # the larger share first
    assert causes["mode"].share == causes["mode"].alone == pytest.approx(0.75)
    assert causes["mode"].remaining == pytest.approx(0.25)
    assert causes["measurement"].share == pytest.approx(0.25)
    assert causes["mode"].mechanism == "random-layers-in-fit"
    assert causes["measurement"].mechanism == "mean-over-moving-weights"
    assert found.reproduced and found.unexplained == 0.0 and not found.notes
    assert {x.source for x in found.excluded} >= {"data-content", "architecture", "weights"}


def test_the_larger_part_of_a_source_names_its_mechanism():
    parts = {"random": ["dropout"], "normalizing": ["norm"]}
    _, causes = judged(random_layers=0.1, batch_normalization=0.3, **parts)
    assert causes["mode"].mechanism == "batch-statistics-in-fit"
    assert causes["mode"].share == pytest.approx(1.0)
    _, causes = judged(random_layers=0.2, batch_normalization=0.2, **parts)
    assert causes["mode"].mechanism == "batch-statistics-in-fit"


@pytest.mark.parametrize(
    ("part", "mechanism"),
    [
        ("sample_weights", "sample-weights-in-one"),
        ("other_batches", "metric-averaged-over-batches"),
    ],
)
def test_parts_that_are_measured_by_themselves_are_causes_that_add_up(part, mechanism):
    found, _ = judged(moving_weights=0.1, **{part: 0.3})
    assert [(c.source, c.mechanism, c.share) for c in found.causes] == [
        ("measurement", mechanism, pytest.approx(0.75)),
        ("measurement", "mean-over-moving-weights", pytest.approx(0.25)),
    ]
    assert found.unexplained == 0.0


def test_only_the_mean_over_steps_is_of_an_emptied_metric():
    parts = {**PARTS, "moving weights": 0.3, "sample weights": 0.1, "uninterrupted": 0.65}
    emptied, weighted = judge_parts(parts, "loss", emptied="evaluated in between").causes
    assert emptied.mechanism == "metrics-emptied-in-an-epoch"
    assert "evaluated in between" in emptied.detail
    assert weighted.mechanism == "sample-weights-in-one"
    assert "evaluated in between" not in weighted.detail


def test_other_samples_in_the_validation_are_a_part_of_their_own():
    parts = {"random": ["dropout"], "other_samples": True}
    found, causes = judged(moving_weights=0.1, other_batches=0.3, **parts)
    assert causes["data-content"].mechanism == "validated-on-other-samples"
    assert causes["data-content"].share == pytest.approx(0.75)
    assert "0.9 on the samples trained on and 0.6 on those" in causes["data-content"].evidence
    assert "data-content" not in {x.source for x in found.excluded}
    found, causes = judged(random_layers=0.4, other_batches=0.0, **parts)
    assert list(causes) == ["mode"]
    (told,) = [x.evidence for x in found.excluded if x.source == "data-content"]
    assert told == "other samples change less than 2 % of the gap"


def test_what_no_part_explains_is_said():
    found, causes = judged(moving_weights=0.3)
    assert causes["measurement"].share == pytest.approx(0.75)
    assert found.unexplained == pytest.approx(0.25) and "25" in found.notes[0]


def test_a_part_of_two_in_a_hundred_is_told_and_a_smaller_one_is_not():
    gap = 0.4
    _, causes = judged(moving_weights=gap, sample_weights=0.021 * gap)
    assert "weights the samples" in causes["measurement"].detail
    _, causes = judged(moving_weights=gap, sample_weights=0.019 * gap)
    assert "weights the samples" not in causes["measurement"].detail


@pytest.mark.parametrize(("left", "small"), [(0.079, True), (0.081, False), (-0.081, False)])
def test_some_hundredths_of_the_gap_are_no_part_that_is_left(left, small):
    found, _ = judged(moving_weights=0.4 * (1 - left))
    assert (found.unexplained == 0.0) is small and bool(found.notes) is not small


def test_a_part_of_the_batches_is_said_to_be_one():
    assert judged(moving_weights=0.4)[0].notes == ()
    some, _ = judged(moving_weights=0.4, batches=3)
    assert some.notes == ("Measured on 3 of the 4 batches of the epoch.",)


def test_other_weights_are_a_cause_of_their_own():
    found, causes = judged(weights=0.4, same_weights=False)
    assert causes["weights"].share == pytest.approx(1.0) and found.reproduced
    assert "weights" not in {x.source for x in found.excluded}


def test_nothing_is_confirmed_where_evaluate_is_not_reproduced():
    found, causes = judged(weights=0.1)  # equal weights that give another number
    assert not found.reproduced and found.unexplained == 1.0
    assert causes["measurement"].status == "suspected"
    assert "No cause is confirmed" in found.notes[0] and "0.7" in found.notes[0]
    assert judged(logged=0.6)[0].causes == ()


def test_the_fits_own_validation_is_called_so():
    parts = {"random layers": 0.3, "batch normalization": 0.1, "random": ["dropout"]}
    found = judge_parts({**PARTS, **parts, "normalizing": ["norm"]}, "loss", (), "validation")
    told = " ".join([*(c.detail for c in found.causes), *(x.evidence for x in found.excluded)])
    assert "evaluate" not in told and told.count("validation") == 4


@pytest.mark.parametrize(
    ("uninterrupted", "mechanism", "said"),
    [
        (0.65, "metrics-emptied-in-an-epoch", ("logs loss 0.65", "moved")),
        (0.6, "metrics-emptied-in-an-epoch", ("logs loss 0.6",)),  # the weights hardly moved
        (None, "metrics-emptied-in-an-epoch", ("not told apart", "moved")),
        (1.0, "mean-over-moving-weights", ("moved",)),  # the evaluation changed nothing
    ],
)
def test_a_log_that_an_evaluation_began_anew(uninterrupted, mechanism, said):
    parts = {**PARTS, "moving weights": 0.4, "uninterrupted": uninterrupted}
    (cause,) = judge_parts(parts, "loss", emptied="evaluated in between").causes
    assert (cause.mechanism, cause.share) == (mechanism, pytest.approx(1.0))
    text = f"{cause.detail}; {cause.evidence}"
    assert all(part in text for part in said)
    assert ("moved" in text) is ("moved" in said)


@pytest.mark.parametrize(
    ("after", "fit", "left"), [(7, 1, 3), (10, 1, None), (5, 1, None), (3, 1, None), (7, 2, None)]
)
def test_what_is_evaluated_in_the_middle_of_the_last_epoch(after, fit, left):
    trained = replace(a_fit(), index=1, steps=np.zeros((10, 4), np.uint64),
                      step_epochs=np.repeat([0, 1], 5))  # fmt: skip
    inside = replace(call(4, "evaluate"), notes={WITHIN: fit, AFTER_STEPS: after})
    found = emptied_by(trained, [call(2, "evaluate"), inside])
    assert (f"the {left} of 5 batches" in found) if left else found == ""


def test_nothing_can_be_evaluated_within_an_epoch_of_one_step():
    trained = replace(a_fit(), index=1, steps=np.zeros((6, 4), np.uint64),
                      step_epochs=np.array([0] * 5 + [1]))  # fmt: skip
    early = replace(call(4, "evaluate"), notes={WITHIN: 1, AFTER_STEPS: 3})
    assert emptied_by(trained, [early]) == ""


def test_what_a_step_gave_is_of_the_weights_before_it():
    parts = PARTS | {"moving weights": 0.1, "batch normalization": 0.3, "normalizing": ["norm"]}
    found = judge_step(parts, "loss")
    mode, before = found.causes
    assert (mode.source, mode.share) == ("mode", pytest.approx(0.75))
    assert "in train_on_batch and its moving averages in evaluate" in mode.detail
    assert (before.mechanism, before.share) == ("measured-before-the-step", pytest.approx(0.25))
    assert "train_on_batch gave 1" in before.evidence and "is 0.9" in before.evidence
    assert {e.source for e in found.excluded} == {"data-content", "architecture"}


def test_a_metric_that_evaluate_never_updates_explains_all_of_the_gap():
    found = judge_parts({"logged": 0.3, "evaluated": 0.0, "never updated": True}, "loss")
    (cause,) = found.causes
    assert (cause.mechanism, cause.share, found.unexplained) == ("metric-never-updated", 1.0, 0.0)
    assert "test_step" in cause.remedy and "evaluate gives 0 of" in cause.evidence
