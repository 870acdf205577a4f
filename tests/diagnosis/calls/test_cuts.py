"""A metric of the same samples in other batches: which of the two depends on the batches."""

import pytest

from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause
from whydiff.core.recording import Epoch
from whydiff.diagnosis.calls.cuts import by_answers, by_metric, measured_otherwise, named_by_cut
from whydiff.diagnosis.calls.logged import judge_parts
from whydiff.diagnosis.calls.validated import judge_validation
from whydiff.diagnosis.calls.verdict import ONE_SIZE, Verdict
from whydiff.testing.calls import call
from whydiff.testing.sides import a_fit

MIXED, AVERAGED = "rows-depend-on-their-batch", "metric-averaged-over-batches"


def validated(**parts):
    """fit logged 0.9 of its validation, evaluate gave 0.5."""
    fit = a_fit(epochs=(Epoch(0, 3, {"val_loss": 0.9}, ()),))
    found = judge_validation(
        {"evaluated": 0.9, "trained": 0.9, **{k.replace("_", " "): v for k, v in parts.items()}},
        fit,
        call(2, "evaluate", values={"loss": 0.5}),
        "loss",
    )
    return found, {c.source: c for c in found.causes}


def test_samples_answered_otherwise_in_other_batches_are_no_averaged_metric():
    found, causes = validated(answers=0.4, mixing="std (Standardized)")
    assert list(causes) == ["batch-size"] and found.unexplained == 0.0
    cause = causes["batch-size"]
    assert (cause.mechanism, cause.status, cause.share) == (MIXED, CONFIRMED, pytest.approx(1.0))
    assert "first in std (Standardized)" in cause.detail and "0.4 of this" in cause.evidence


def test_a_metric_that_moves_at_equal_answers_is_averaged():
    _, causes = validated(answers=0.0)
    assert list(causes) == ["measurement"]
    assert causes["measurement"].mechanism == AVERAGED
    _, causes = validated(answers=0.3)
    assert causes["batch-size"].share == pytest.approx(0.75)
    assert causes["measurement"].share == pytest.approx(0.25)


def test_what_could_not_be_told_apart_is_suspected_and_left_unexplained():
    found, causes = validated()
    assert causes["batch-size"].status == SUSPECTED and causes["batch-size"].mechanism == ""
    assert causes["batch-size"].remedy == ONE_SIZE
    assert found.unexplained == pytest.approx(1.0)


def test_weights_of_the_samples_are_no_cut():
    found, causes = validated(answers=0.0, sample_weights=0.4)
    assert list(causes) == ["measurement"] and found.unexplained == 0.0
    assert causes["measurement"].mechanism == "sample-weights-in-one"


def test_an_evaluate_that_is_not_reproduced_confirms_nothing():
    found, causes = validated(again=0.6, answers=0.0)
    assert not causes and not found.reproduced and found.unexplained == 1.0
    assert "0.6 instead of 0.5" in found.notes[0]
    assert validated(again=0.500001, answers=0.0)[0].reproduced


def test_fits_own_samples_in_other_batches():
    parts = {
        "logged": 1.0, "evaluated": 0.6, "moving weights": 0.1, "random layers": 0.0,
        "batch normalization": 0.0, "weights": 0.0, "same weights": True, "random": [],
        "normalizing": [], "batches": 4, "of batches": 4, "other batches": 0.3, "answers": 0.2,
    }  # fmt: skip
    found = judge_parts(parts, "loss")
    shares = {c.mechanism: c.share for c in found.causes}
    assert shares == pytest.approx({MIXED: 0.5, AVERAGED: 0.25, "mean-over-moving-weights": 0.25})
    assert found.unexplained == 0.0
    untold = judge_parts({k: v for k, v in parts.items() if k != "answers"}, "loss")
    assert {c.source: c.status for c in untold.causes} == {
        "batch-size": SUSPECTED, "measurement": CONFIRMED
    }  # fmt: skip
    assert untold.unexplained == pytest.approx(0.75)


def test_little_is_no_cause():
    assert not by_answers({"answers": 0.001}, 1.0, 1.0, "loss", "measured")
    assert not by_answers({}, 0.001, 1.0, "loss", "measured")
    assert by_metric({"answers": 0.25}, 1.0) == 0.75 and by_metric({}, 1.0) == 0.0
    assert not measured_otherwise({AVERAGED: 0.001}, {AVERAGED: ("a", "b")})


@pytest.mark.parametrize(
    ("answers", "mechanism", "says"),
    [
        (0.2, MIXED, "depends on the others of its batch, first in mix (Mix)"),
        (0.0, AVERAGED, "f1 is a mean over batches, each computed by itself"),
        (0.15, MIXED, "first in mix (Mix) (75 %); f1 is a mean over batches, each computed by "
         "itself (25 %)"),
        (0.05, AVERAGED, "(25 %); f1 is a mean over batches, each computed by itself (75 %)"),
    ],
)  # fmt: skip
def test_evaluates_in_other_batches(answers, mechanism, says):
    cause = Cause("batch-size", "4 batches vs. one", CONFIRMED, "swapped", ONE_SIZE, share=1.0)
    parts = {"a": 0.5, "b": 0.3, "answers": answers, "mixing": "mix (Mix)"}
    (named,) = named_by_cut(Verdict((cause,)), parts, "f1").causes
    assert named.mechanism == mechanism and named.detail.endswith(says)
    assert named.remedy != ONE_SIZE
    assert named.evidence.endswith("with their own by 0.2")
