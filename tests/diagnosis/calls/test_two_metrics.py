"""Two metrics of one evaluate that measure one quantity."""

import math
from dataclasses import replace

import pytest

from whydiff.core import scoring
from whydiff.core.calls import PRINTED_OF
from whydiff.diagnosis.calls.pairs.beside import printed_pair
from whydiff.diagnosis.calls.pairs.choosing import disagreements
from whydiff.diagnosis.calls.pairs.disagreement import BESIDE_IT
from whydiff.diagnosis.calls.results import said
from whydiff.diagnosis.calls.two_metrics import Printed, judge_logged_metrics, judge_two_metrics
from whydiff.testing.calls import call, execution

AGAIN, ONE_BATCH, PLAIN = scoring.AGAIN, scoring.IN_ONE_BATCH, scoring.UNREGULARIZED


def evaluated(values, printed, **facts):
    made = call(1, "evaluate", values=values, **facts)
    return execution(replace(made, notes={PRINTED_OF: printed}))


def pairs(values, printed, **facts):
    found = disagreements(evaluated(values, printed, **facts))
    return [(d.distance.metric, d.distance.a, d.distance.b) for d in found if d.why == BESIDE_IT]


BOTH = {"accuracy": "", "binary_accuracy": ""}


@pytest.mark.parametrize(
    ("values", "printed", "facts", "held"),
    [
        (
            {"loss": 4.0, "rmse": 1.9},
            {"loss": "root", "rmse": ""},
            {"objective": {"loss": "mean_squared_error"}},
            [("the root of loss", 2.0, 1.9)],
        ),
        ({"accuracy": 0.5, "binary_accuracy": 0.9}, BOTH, {}, [("accuracy", 0.5, 0.9)]),
        # only one of them is printed, they are equal, or measure something else
        ({"accuracy": 0.5, "binary_accuracy": 0.9}, {"accuracy": ""}, {}, []),
        ({"accuracy": 0.9, "binary_accuracy": 0.9}, BOTH, {}, []),
        ({"auc": 0.5, "accuracy": 0.9}, {"auc": "", "accuracy": ""}, {}, []),
        # two outputs
        (
            {"a_loss": 1.0, "b_loss": 2.0, "a_mae": 3.0, "b_mae": 4.0},
            {"a_mae": "", "b_mae": ""},
            {},
            [],
        ),
        # one class with other settings: that is meant
        (
            {"recall": 0.5, "recall_1": 0.9},
            {"recall": "", "recall_1": ""},
            {"measurement": {"metrics": [{"class": "Recall", "name": "recall"},
                                         {"class": "Recall", "name": "recall_1"}]}},
            [],
        ),
    ],
)  # fmt: skip
def test_which_metrics_of_one_evaluate_are_held_against_each_other(values, printed, facts, held):
    assert pairs(values, printed, **facts) == held


@pytest.mark.parametrize(
    ("printed", "held"),
    [
        ({"loss": "", "a_loss + b_loss": ""}, [("loss", 5.0, 3.0)]),
        ({"loss": "", "b_loss + a_loss": ""}, [("loss", 5.0, 3.0)]),
        # a sum of two of three losses, or nothing that it stands beside
        ({"a_loss + b_loss": ""}, []),
        ({"loss": "", "a_loss + a_mae": ""}, []),
    ],
)
def test_the_total_loss_is_held_against_the_sum_of_its_parts(printed, held):
    values = {"loss": 5.0, "a_loss": 1.0, "b_loss": 2.0, "a_mae": 1.0}
    assert pairs(values, printed) == held
    assert pairs({**values, "c_loss": 2.0}, printed) == []


def test_what_the_total_has_and_the_sum_of_its_parts_has_not():
    weighted = f"{scoring.WITHOUT}loss_weights={{'a': 0.5}}"
    values = {
        "loss": {AGAIN: 5.0, PLAIN: 4.0, weighted: 3.0},
        "a_loss + b_loss": {AGAIN: 3.0},
        "": {},
    }
    given = {"loss": 5.0, "a_loss + b_loss": 3.0}
    found = judge_two_metrics(values, Printed("loss"), Printed("a_loss + b_loss"), given)
    assert {c.mechanism: c.share for c in found.causes} == {
        "regularization-in-the-loss": 0.5,
        "losses-weighted-in-the-sum": 0.5,
    }
    regularized, weights = sorted(found.causes, key=lambda c: c.mechanism, reverse=True)
    assert "sum(model.losses)" in regularized.remedy
    assert weights.detail == (
        "loss is computed with loss_weights={'a': 0.5}, a_loss + b_loss is not"
    )


def against_its_parts(total, parts):
    """The only cause for which a loss that is 4 differs from the sum of its parts, which is 3."""
    loss, summed = Printed("loss"), Printed("a_loss + b_loss")
    values = {"loss": {AGAIN: 4.0, **total}, summed.metric: {AGAIN: 3.0, **parts}, "": {}}
    given = {"loss": 4.0, summed.metric: 3.0}
    (cause,) = judge_two_metrics(values, loss, summed, given).causes
    return cause


def test_a_sum_of_losses_that_counts_a_smaller_last_batch_as_a_whole_one():
    cause = against_its_parts({PLAIN: 4.0, ONE_BATCH: 4.0}, {ONE_BATCH: 4.0})
    assert (cause.mechanism, cause.share) == ("mean-of-unequal-batches", pytest.approx(1.0))
    assert "divisor" in cause.remedy and cause.detail.endswith("as others, loss does not")


def test_a_rule_that_moves_both_numbers_by_as_much_is_no_cause():
    cause = against_its_parts({PLAIN: 3.0, ONE_BATCH: 3.5}, {ONE_BATCH: 3.5})
    assert cause.mechanism == "regularization-in-the-loss"


def test_how_the_pair_is_named():
    found = evaluated({"loss": 4.0, "rmse": 1.9}, {"loss": "root", "rmse": ""},
                      objective={"loss": "mse"})  # fmt: skip
    (pair,) = disagreements(found)
    assert said(pair.b) == "rmse of the same evaluate at line 1"
    assert printed_pair(pair) == (Printed("loss", True), Printed("rmse"))


SEEN = ["val_accuracy", "val_binary_accuracy"]


@pytest.mark.parametrize(
    ("seen", "logged", "held"),
    [
        (SEEN, 0.9, [("val_accuracy", 0.5, 0.9)]),
        (SEEN[:1], 0.9, []),
        (SEEN, 0.5, []),
        ([], 0.9, []),  # what is looked at is not known
        (["accuracy", "binary_accuracy"], 0.9, [("accuracy", 0.4, 0.8)]),
        (["accuracy", "val_binary_accuracy"], 0.9, []),
    ],
)
def test_two_metrics_of_a_log(trained_fit, seen, logged, held):
    fit = trained_fit(1)
    logs = {"accuracy": 0.4, "binary_accuracy": 0.8, SEEN[0]: 0.5, SEEN[1]: logged}
    epochs = (*fit.epochs[:-1], replace(fit.epochs[-1], logs=logs))
    fit = replace(fit, epochs=epochs, notes={**fit.notes, "log names": seen})
    found = [d for d in disagreements(execution(fits=[fit])) if d.why == BESIDE_IT]
    assert [(d.distance.metric, d.distance.a, d.distance.b) for d in found] == held
    for pair in found:
        assert said(pair.b).startswith(f"{seen[1]} of the same fit")
        assert printed_pair(pair) == (Printed("accuracy"), Printed("binary_accuracy"))


def test_what_each_rule_adds_is_its_part_of_the_gap():
    values = {
        "loss": {AGAIN: 5.0, PLAIN: 4.0, ONE_BATCH: 4.0},
        "rmse": {AGAIN: 1.9, ONE_BATCH: 2.0},
        "": {},
    }
    given = {"loss": 5.0, "rmse": 1.9}
    found = judge_two_metrics(values, Printed("loss", True), Printed("rmse"), given)
    gap = math.sqrt(5) - 1.9
    assert {c.mechanism: c.share for c in found.causes} == {
        "regularization-in-the-loss": pytest.approx((math.sqrt(5) - 2) / gap),
        "metric-averaged-over-batches": pytest.approx(0.1 / gap),
    }
    assert found.reproduced and not found.unexplained
    assert "weights" in {x.source for x in found.excluded}


def test_two_metrics_of_an_epoch_are_judged_with_the_weights_that_it_ended_with():
    logged = {"loss": 0.9, "bce": 0.8}
    values = {"loss": {AGAIN: 0.6, PLAIN: 0.5, ONE_BATCH: 0.5}, "bce": {AGAIN: 0.5, ONE_BATCH: 0.5}}
    found = judge_logged_metrics({**values, "": {}}, Printed("loss"), Printed("bce"), logged)
    (cause,) = found.causes
    assert (cause.mechanism, cause.share) == ("regularization-in-the-loss", pytest.approx(1.0))
    assert "0.9 vs. 0.8" in found.notes[0] and "0.6 vs. 0.5" in found.notes[0]
    values["loss"] = {AGAIN: 0.5, PLAIN: 0.5, ONE_BATCH: 0.5}
    equal = judge_logged_metrics({**values, "": {}}, Printed("loss"), Printed("bce"), logged)
    assert not equal.causes and not equal.reproduced


@pytest.mark.parametrize("turned", [False, True])
def test_two_ways_to_take_a_class(turned):
    values = {
        "accuracy": {AGAIN: 0.5, ONE_BATCH: 0.5},
        "binary_accuracy": {AGAIN: 0.9, ONE_BATCH: 0.9},
        "": {scoring.EACH_OUTPUT: 0.9, scoring.BY_CLASS: 0.5, scoring.EQUAL: 0.0},
    }
    names = ["accuracy", "binary_accuracy"]
    a, b = (Printed(name) for name in (reversed(names) if turned else names))
    given = {"accuracy": 0.5, "binary_accuracy": 0.9}
    (cause,) = judge_two_metrics(values, a, b, given).causes
    assert (cause.mechanism, cause.share) == ("each-output-on-its-own", pytest.approx(1.0))
    assert cause.detail.startswith("binary_accuracy judges each output on its own, accuracy the")


def test_what_is_not_reproduced_or_explained_confirms_nothing():
    values = {"accuracy": {AGAIN: 0.5}, "acc": {AGAIN: 0.9}, "": {}}
    two = Printed("accuracy"), Printed("acc")
    found = judge_two_metrics(values, *two, {"accuracy": 0.5, "acc": 0.9})
    assert (found.causes, found.unexplained) == ((), 1.0)
    found = judge_two_metrics(values, *two, {"accuracy": 0.6, "acc": 0.9})
    assert (found.causes, found.reproduced) == ((), False)
