"""Which pairs of calls are disagreements, in which order they are explained, and which are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.calls import AFTER_STEPS, PRINTED_OF, WITHIN, Leaf, Origin, Output, Score
from whydiff.core.digests import row_digests
from whydiff.core.errors import WhydiffError
from whydiff.core.recipe import Tensor
from whydiff.diagnosis.calls.pairs.alike import MOST_CALLS, looked_at
from whydiff.diagnosis.calls.pairs.choosing import (
    call_at,
    chosen,
    disagreements,
    in_comparison,
    independent,
)
from whydiff.diagnosis.calls.pairs.disagreement import (
    BUILT,
    FIT_ROWS,
    LOGGED,
    OTHER_INPUT,
    REBUILT,
    REPEATED,
    ROWS_CORRESPOND,
    RUN,
    SCORED,
    VALIDATED,
    VALIDATION_ROWS,
    Disagreement,
)
from whydiff.diagnosis.calls.pairs.fits import fit_pairs
from whydiff.diagnosis.calls.pairs.metric_names import loss_as_metric, threshold_of
from whydiff.diagnosis.calls.pairs.scores import ONE_GENERATOR, reshuffled, source_read
from whydiff.diagnosis.calls.results import Distance, kind_of
from whydiff.testing.calls import KERNEL, X, call, drawn, execution

OTHER = KERNEL * 2
Y = np.arange(16, dtype="int64")
LABELS = row_digests([Y])


def apart(relative=0.5, why=RUN, a=1, b=2, rounding=False):
    """A disagreement of that size between calls of these numbers."""
    return Disagreement(call(a), call(b), Distance(relative, rounding, "outputs"), why)


def in_order(*found):
    return sorted(found, key=lambda d: d.order)


# --- the order in which they are explained --------------------------------------------------------


def test_a_large_disagreement_comes_before_a_small_one_and_that_before_rounding():
    large, small = apart(0.02, OTHER_INPUT), apart(0.019, SCORED)
    rounded = apart(1e-8, SCORED, rounding=True)
    assert in_order(rounded, small, large) == [large, small, rounded]


def test_what_makes_two_calls_comparable_comes_before_how_far_they_are_apart():
    score, run = apart(0.1, SCORED), apart(0.9, RUN)
    assert in_order(run, score) == [score, run]
    assert in_order(apart(0.1), run)[0] is run


def test_of_equally_far_ones_those_next_to_each_other_come_first_then_the_earlier_ones():
    near, far = apart(a=4, b=5), apart(a=1, b=4)
    assert in_order(far, near) == [near, far]
    early = apart(a=2, b=3)
    assert in_order(near, early) == [early, near]
    backwards = apart(a=9, b=5)  # a distance of four calls, whichever is named first
    assert in_order(backwards, far) == [far, backwards]


def test_rounding_and_a_log_that_is_off_are_no_clear_disagreement():
    assert apart(0.001).clear
    assert not apart(rounding=True).clear and not apart(0.9, LOGGED).clear


def test_sizes_are_compared_to_six_digits():
    near, far = apart(0.5, a=4, b=5), apart(0.5 + 4e-7, a=1, b=9)
    assert in_order(far, near)[0] is near
    much_farther = apart(0.5 + 6e-7, a=1, b=9)
    assert in_order(near, much_farther)[0] is much_farther


def test_a_log_that_is_somewhat_off_comes_after_whatever_else_is_of_its_size():
    log, other = apart(0.29, LOGGED), apart(0.01, OTHER_INPUT)
    assert in_order(log, other) == [other, log]
    far_off = apart(0.3, LOGGED)
    assert in_order(apart(0.5, OTHER_INPUT), far_off)[0] is far_off
    assert in_order(apart(1e-9, SCORED, rounding=True), log)[0] is log


# --- calls that are looked at ---------------------------------------------------------------------


def test_three_calls_of_a_line_and_model_and_sixty_in_all_are_looked_at():
    one_line = [call(n, line=5) for n in range(1, 6)]
    assert [c.number for c in looked_at(one_line)] == [1, 2, 3]
    models = [call(n, line=5, model=n) for n in range(1, 6)]
    assert len(looked_at(models)) == 5
    assert len(looked_at([call(n) for n in range(1, 90)])) == MOST_CALLS == 60


def within_fit(number, line=9, **more):
    """An evaluate that a callback of fit 1 made."""
    made = call(number, "evaluate", line=line, values={"loss": 0.1 * number}, **more)
    return replace(made, notes={WITHIN: 1})


def test_of_the_calls_of_a_callback_the_last_is_looked_at():
    made = [*(within_fit(n) for n in range(2, 8)), within_fit(9, line=11)]
    assert [one.number for one in looked_at(made)] == [7, 9]


def test_a_call_within_a_fit_is_held_against_its_log_by_the_weights_it_ended_with(trained_fit):
    fit = logging(trained_fit(1), loss=0.9)
    final = {t.digest for t in fit.final}

    def held(digests):
        made = evaluated(fit, 5, loss=0.2)
        kernel = made.recipe.weights[0]
        weights = tuple(replace(kernel, digest=digest) for digest in digests)
        made = replace(made, recipe=replace(made.recipe, weights=weights), notes={WITHIN: 1})
        found = disagreements(execution(made, fits=[fit]))
        return [(d.why, d.b.number) for d in found]

    assert held(final) == [(LOGGED, 5)]
    assert held({"of an earlier epoch"}) == []


def test_what_a_callback_measured_before_further_steps_is_meant_to_differ(trained_fit):
    fit = trained_fit(1)
    inside, after = within_fit(5), call(8, "evaluate", kernel=OTHER, values={"loss": 0.1})
    for steps, pairs in ((None, 0), (len(fit.steps) - 1, 0), (len(fit.steps), 1)):
        made = replace(inside, notes={**inside.notes, AFTER_STEPS: steps})
        assert len(disagreements(execution(made, after, fits=[fit]))) == pairs


def test_a_call_that_did_not_finish_is_not_looked_at():
    assert [c.number for c in looked_at([replace(call(1), finished=False), call(2)])] == [2]


# --- two measuring calls --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (call(2, outputs=X @ OTHER), REPEATED),
        (call(2, "call", outputs=X @ OTHER), RUN),
        (call(2, model=2, kernel=OTHER), REBUILT),
        (call(2, "call", model=2, kernel=OTHER), OTHER_INPUT),
        (call(2, x=X + 5), OTHER_INPUT),
    ],
    ids=["again", "called", "another model", "another model called", "other rows"],
)
def test_what_makes_two_calls_comparable(other, why):
    (found,) = disagreements(execution(call(1), other))
    assert found.why == why


def test_a_model_that_was_built_is_compared_with_one_that_was_built_only():
    one, two = call(1, "built"), call(2, "built", model=2, kernel=OTHER)
    (found,) = disagreements(execution(one, two))
    assert found.why == BUILT
    assert not disagreements(execution(one, call(2, model=2, kernel=OTHER)))
    assert not disagreements(execution(one, call(2, "built", model=2)))  # of equal weights


def test_evaluate_gives_metrics_and_predict_outputs_so_neither_is_held_against_the_other():
    evaluated = call(1, "evaluate", values={"loss": 0.1})
    assert not disagreements(execution(evaluated, call(2, kernel=OTHER)))


def test_other_numbers_of_rows_and_another_model_and_kind_are_nothing_to_compare():
    assert not disagreements(execution(call(1), call(2, x=X[:8])))
    assert not disagreements(execution(call(1), call(2, "call", x=X + 1, model=2)))


@pytest.mark.parametrize(
    ("labels", "check"),
    [
        (Y, ""),
        (Y % 2, ""),
        (np.zeros(16, "int64"), ROWS_CORRESPOND),  # one class: in this order wherever they are from
        (None, ROWS_CORRESPOND),
    ],
    ids=["distinct", "two classes", "one class", "none"],
)
def test_equal_labels_of_several_classes_say_that_the_rows_are_the_same(labels, check):
    one = call(1, "evaluate", y=labels, values={"loss": 0.1})
    other = call(2, "evaluate", x=X / 255, y=labels, values={"loss": 0.4})
    (found,) = disagreements(execution(one, other))
    assert found.check == check


def test_three_labels_are_too_few_to_say_that_the_rows_are_the_same():
    def check(rows):
        calls = [
            call(n, "evaluate", x=x[:rows], y=Y[:rows], values={"loss": 0.1 * n})
            for n, x in ((1, X), (2, X / 255))
        ]
        return disagreements(execution(*calls))[0].check

    assert check(4) == ""
    assert check(3) == ROWS_CORRESPOND


# --- a model that was trained in between ----------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "meant"),
    [("unwatched", True), ("trained", False), ("file", False)],
)
def test_weights_changed_by_an_unwatched_loop_are_meant_to_answer_otherwise(kind, meant):
    later = call(2, kernel=OTHER, origin=Origin("changed", kind))
    assert bool(disagreements(execution(call(1), later))) is not meant
    assert bool(disagreements(execution(later, call(3)))) is True  # the later one is as drawn


def test_weights_that_the_model_does_not_hold_are_held_against_its_own():
    given = call(1, "call", kernel=OTHER, origin=Origin("given to stateless_call", "given"))
    by_hand = Score("by hand.mean_squared_error", 1, "", "", row_digests([Y]))
    score = call(2, "score", values={"mean_squared_error": 2.0}, score=by_hand)
    evaluate = call(3, "evaluate", y=Y, values={"loss": 3.0}, objective={"loss": "mse"})
    (found,) = disagreements(execution(given, score, evaluate))
    assert (found.a.number, found.b.number) == (3, 2)
    (found,) = disagreements(execution(given, call(2)))
    assert (found.a.number, found.b.number) == (1, 2)


def test_weights_from_a_file_beside_unwatched_ones_have_to_be_explained():
    later = call(2, kernel=OTHER)
    recipe = replace(
        later.recipe,
        weights=(*later.recipe.weights, Tensor("dense/bias", "trainable", (1,), "float32", "b")),
        origins=(Origin("changed", "unwatched"), Origin("best.keras", "file")),
    )
    earlier = replace(
        call(1), recipe=replace(recipe, weights=(*call(1).recipe.weights, recipe.weights[1]))
    )
    assert disagreements(execution(earlier, replace(later, recipe=recipe)))


def test_a_fit_of_another_model_or_another_time_explains_nothing(trained_fit):
    before, after = call(2), call(4, kernel=OTHER)
    for fit, explains in (
        (trained_fit(3), True),
        (trained_fit(1), False),
        (trained_fit(5), False),
        (replace(trained_fit(3), model="Sequential 'another'"), False),
    ):
        assert bool(disagreements(execution(before, after, fits=[fit]))) is not explains
        assert bool(disagreements(execution(after, before, fits=[fit]))) is not explains


def test_calls_that_agree_and_calls_that_should_not_are_counted(trained_fit):
    fit = trained_fit(3)
    made = execution(
        call(1), call(2), call(4, kernel=OTHER), call(5, model=2), call(6, x=X + 1), fits=[fit]
    )
    equal, meant = in_comparison(made)
    assert equal == 3  # of a model and what was loaded from its file, too
    assert meant == [
        "predict at line 1 and predict at line 4 differ, since the model was trained in between",
        "predict at line 2 and predict at line 4 differ, since the model was trained in between",
    ]
    other_kind = execution(call(1), call(4, "evaluate", kernel=OTHER), fits=[fit])
    assert in_comparison(other_kind) == (0, [])
    built = [call(7, "built"), call(8, "built")]
    assert in_comparison(execution(*built)) == (0, [])
    assert in_comparison(execution(call(1), call(2, "evaluate"))) == (0, [])
    assert in_comparison(execution(call(1), call(2, kernel=OTHER))) == (0, [])  # a disagreement


# --- fits and evaluate ----------------------------------------------------------------------------


def logging(fit, **logs):
    """The fit, with these logs in its last epoch."""
    return replace(fit, epochs=(*fit.epochs[:-1], replace(fit.epochs[-1], logs=logs)))


def evaluated(fit, number=2, rows=None, **values):
    rows = len(fit.recipe.data_order.epochs[-1]) if rows is None else rows
    return call(number, "evaluate", x=X[:rows], values=values)


def pairs(fit, measured, metric=None):
    return [(d.why, d.check, d.distance.metric) for d in fit_pairs(fit, measured, metric)]


def test_the_metric_that_is_far_off_is_told_before_the_one_that_comes_first(trained_fit):
    fit = logging(trained_fit(1), accuracy=0.9, loss=0.5)
    assert pairs(fit, evaluated(fit, accuracy=0.89, loss=0.1)) == [(LOGGED, FIT_ROWS, "loss")]
    assert pairs(fit, evaluated(fit, accuracy=0.89, loss=0.4)) == [(LOGGED, FIT_ROWS, "accuracy")]
    near = {"accuracy": 0.9 * (1 + 1e-7), "loss": 0.4}
    assert pairs(fit, evaluated(fit, **near)) == [(LOGGED, FIT_ROWS, "loss")]
    assert pairs(fit, evaluated(fit, accuracy=0.89, loss=0.1), "accuracy") == [
        (LOGGED, FIT_ROWS, "accuracy")
    ]


def test_a_log_that_is_off_by_rounding_is_a_pair_and_an_equal_one_is_none(trained_fit):
    fit = logging(trained_fit(1), loss=0.5)
    assert pairs(fit, evaluated(fit, loss=0.5 * (1 + 1e-7))) == [(LOGGED, FIT_ROWS, "loss")]
    assert pairs(fit, evaluated(fit, loss=0.5)) == []
    assert pairs(fit, evaluated(fit, auc=0.5)) == []


def test_evaluate_on_other_rows_than_the_epoch_is_no_pair(trained_fit):
    fit = logging(trained_fit(1), loss=0.5)
    assert pairs(fit, evaluated(fit, rows=9, loss=0.1)) == []
    last = replace(fit.recipe.data_order, epochs=(np.arange(8), np.arange(9)))
    fit = replace(fit, recipe=replace(fit.recipe, data_order=last))
    assert pairs(fit, evaluated(fit, rows=8, loss=0.1)) == []
    assert pairs(fit, evaluated(fit, rows=9, loss=0.1)) == [(LOGGED, FIT_ROWS, "loss")]


def test_a_validation_that_is_off_by_rounding_is_no_disagreement(trained_fit):
    fit = trained_fit(1)
    content = replace(fit.recipe.data_content, validation_samples=row_digests([X[:5]]))
    fit = logging(replace(fit, recipe=replace(fit.recipe, data_content=content)), val_loss=0.5)
    assert pairs(fit, evaluated(fit, rows=5, loss=0.5 * (1 + 1e-7))) == []
    assert pairs(fit, evaluated(fit, rows=5, loss=0.49)) == [(VALIDATED, VALIDATION_ROWS, "loss")]


def test_only_the_fit_that_trained_last_before_evaluate_is_held_against_it(trained_fit):
    first, second = (logging(replace(trained_fit(n), index=n), loss=0.1 * n) for n in (1, 3))

    def held(number):
        measured = evaluated(first, number, loss=0.9)
        return [d.a.index for d in disagreements(execution(measured, fits=[first, second]))]

    assert held(2) == [1]
    assert held(4) == [3]
    assert held(0) == []
    unfinished = replace(first, final=())
    assert not disagreements(execution(evaluated(first, 2, loss=0.9), fits=[unfinished]))
    predicted = call(2, x=X[:10])
    assert not disagreements(execution(predicted, fits=[first]))


def test_a_fit_of_another_model_does_not_come_between(trained_fit):
    first = logging(trained_fit(1), loss=0.1)
    other = replace(trained_fit(2), model="Sequential 'another'")
    (found,) = disagreements(execution(evaluated(first, 3, loss=0.9), fits=[first, other]))
    assert found.a is first


# --- predictions piece by piece -------------------------------------------------------------------


def pieces(first=2, line=9, kind="predict", model=1, x=X, kernel=OTHER, size=4):
    """Calls of one line that predict ``x`` a part at a time."""
    return [
        call(first + n, kind, line=line, model=model, x=part, outputs=part @ kernel)
        for n, part in enumerate(x[at : at + size] for at in range(0, len(x), size))
    ]


def joined(*calls):
    """(the number of the whole, that of the first piece) of pairs with joined calls."""
    return [
        (d.a.number, d.b.number)
        for d in disagreements(execution(*calls))
        if d.b.notes.get("joined")
    ]


def test_pieces_are_held_against_a_call_of_the_same_weights_or_the_same_model():
    assert joined(call(1), *pieces()) == [(1, 2)]
    assert joined(call(1, model=2), *pieces()) == [(1, 2)]  # a copy of the weights
    assert joined(call(1, model=2, kernel=OTHER), *pieces()) == []
    assert joined(call(1, "evaluate", values={"loss": 1}), *pieces()) == []
    assert joined(call(1, "call"), *pieces(kind="call")) == [(1, 2)]


def test_pieces_that_make_up_another_number_of_rows_are_held_against_the_call_that_fits():
    assert joined(call(1, x=X[:8]), call(20), *pieces()) == [(20, 2)]


def test_two_pieces_make_a_whole_and_one_does_not():
    assert joined(call(1), *pieces(size=8)) == [(1, 2)]
    assert joined(call(1), *pieces(size=16)) == []


def test_a_loop_that_predicts_the_same_rows_again_is_not_a_whole():
    rows = np.concatenate([X[:8], X[:8]])
    assert joined(call(1, x=rows), *pieces(x=rows, size=8)) == []


def test_pieces_of_several_lines_models_or_weights_are_several_wholes():
    assert joined(call(1), *pieces(), *pieces(first=10, line=12)) == [(1, 2), (1, 10)]
    half = pieces(size=8)
    moved = [half[0], replace(half[1], recipe=call(3, kernel=OTHER, x=X[8:]).recipe)]
    assert joined(call(1), *moved) == []


def test_pieces_of_which_only_some_were_kept_are_no_whole():
    kept = [replace(c, notes={"further calls of this line": 3}) if c.number == 2 else c
            for c in pieces()]  # fmt: skip
    assert joined(call(1), *kept) == []


# --- scores ---------------------------------------------------------------------------------------


def score(number, reads, value=0.2, function="sklearn.metrics.accuracy_score", rows=LABELS):
    made = Score(function, reads, "", "argmax", rows)
    return call(number, "score", values={function.rpartition(".")[2]: value}, score=made)


def scored(*calls, fits=()):
    return [
        (d.a.number if kind_of(d.a) != "fit" else "fit", d.b.number)
        for d in disagreements(execution(*calls, fits=fits))
        if d.why == SCORED
    ]


def test_a_score_of_predictions_that_were_not_watched_is_held_against_nothing():
    measured = call(3, "evaluate", y=Y, values={"accuracy": 0.9})
    assert scored(call(1), score(2, 1), measured) == [(3, 2)]
    assert scored(call(1), score(2, 7), measured) == []
    without = replace(score(2, 1), score=None)
    assert scored(call(1), without, measured) == []


def test_a_score_is_held_against_evaluate_of_the_same_weights_only():
    same, other = (
        call(n, "evaluate", y=Y, kernel=kernel, values={"accuracy": 0.9})
        for n, kernel in ((3, KERNEL), (4, OTHER))
    )
    assert scored(call(1), score(2, 1), same, other) == [(3, 2)]


def test_a_score_that_is_equal_to_rounding_is_no_disagreement_and_the_next_metric_is_not_asked():
    def measured(accuracy):
        return call(3, "evaluate", y=Y, values={"accuracy": accuracy, "acc": 0.1})

    assert scored(call(1), score(2, 1, 0.9), measured(0.9 * (1 + 2e-5))) == []
    assert scored(call(1), score(2, 1, 0.9), measured(0.9 * (1 + 4e-5))) == [(3, 2)]


@pytest.mark.parametrize(("printed", "held"), [((), "acc"), (("binary_acc",), "binary_acc")])
def test_a_score_is_held_against_the_metric_that_the_script_prints(printed, held):
    measured = call(3, "evaluate", y=Y, values={"acc": 0.3, "binary_acc": 0.9})
    measured = replace(measured, notes={PRINTED_OF: dict.fromkeys(printed, "")})
    (found,) = (d for d in disagreements(execution(call(1), score(2, 1), measured)))
    assert found.distance.metric == held
    agrees = replace(measured, values={"acc": 0.2, "binary_acc": 0.9})  # by what nobody sees
    assert bool(scored(call(1), score(2, 1), agrees)) is bool(printed)


def test_a_score_is_held_against_the_validation_of_as_many_rows(trained_fit):
    fit = trained_fit(1)
    for rows, held in ((16, [("fit", 3)]), (15, [])):
        content = replace(fit.recipe.data_content, validation_samples=row_digests([X[:rows]]))
        validating = replace(fit, recipe=replace(fit.recipe, data_content=content))
        validating = logging(validating, val_accuracy=0.9, val_loss=0.2)
        assert scored(call(2), score(3, 2), fits=[validating]) == held
    later = replace(validating, call=2)
    assert scored(call(1), score(3, 1), fits=[later]) == []


def fed(made, **facts):
    """The call, given its samples in this way."""
    inputs = replace(made.recipe.inputs, facts=facts)
    return replace(made, recipe=replace(made.recipe, inputs=inputs))


def test_rows_over_a_source_that_reshuffles_may_be_any():
    other_labels = call(3, "evaluate", x=X + 1, y=Y[::-1].copy(), values={"accuracy": 0.9})
    assert scored(call(1), score(2, 1), other_labels) == []
    assert scored(call(1), score(2, 1), fed(other_labels, source="tf.data")) == [(3, 2)]
    assert scored(fed(call(1), source="generator"), score(2, 1), other_labels) == [(3, 2)]
    for source in ("array", "tf.data"):  # fewer, but not because they were joined from batches
        some = fed(call(1, x=X[:14]), source=source)
        measured = call(3, "evaluate", y=Y, values={"accuracy": 0.9})
        assert scored(some, score(2, 1, rows=LABELS[:14]), measured) == []


def test_a_score_of_the_same_samples_given_twice_is_held_against_evaluate_of_them():
    twice = call(1, x=np.concatenate([X, X]))
    measured = call(3, "evaluate", y=Y, values={"accuracy": 0.9})
    assert scored(twice, score(2, 1, rows=np.concatenate([LABELS, LABELS])), measured) == [(3, 2)]


@pytest.mark.parametrize(
    ("begins", "source", "held"),
    [(8, "generator", True), (9, "generator", False), (8, "tf.data", False)],
)
def test_a_generator_that_goes_on_is_known_by_more_than_half_of_its_samples(begins, source, held):
    fresh = np.concatenate([X[begins:], X[: begins - 2] + 1])  # 14 samples
    measured = fed(call(1, "evaluate", y=Y, values={"accuracy": 0.9}), source=source)
    predicted = fed(call(2, x=fresh), source=source)
    assert bool(scored(measured, predicted, score(3, 2, rows=LABELS[:14]))) is held


@pytest.mark.parametrize(
    ("evaluated_from", "predicted_from", "said"),
    [
        ({"object": 7}, {"source": "generator", "object": 7}, ONE_GENERATOR),
        ({"object": 8}, {"source": "generator", "object": 7}, "generator"),
        ({}, {"source": "generator"}, "generator"),
        ({"object": 7}, {"source": "tf.data", "object": 7}, "tf.data"),
    ],
)
def test_what_predicted_samples_came_from(trained_fit, evaluated_from, predicted_from, said):
    read = fed(call(2), **predicted_from)
    assert source_read(fed(call(1, "evaluate"), **evaluated_from), read) == said
    assert source_read(trained_fit(1), read) == predicted_from["source"]


def test_whether_evaluated_samples_were_predicted_in_another_order(trained_fit):
    assert reshuffled(call(1, "evaluate"), call(2, x=X[::-1])) is True
    assert reshuffled(call(1, "evaluate"), call(2)) is False
    assert reshuffled(trained_fit(1), call(2)) is None


@pytest.mark.parametrize(
    ("settings", "metric", "threshold"),
    [
        ({"threshold": 0.3}, "acc", 0.3),
        ({"thresholds": [0.7]}, "acc", 0.7),
        ({"thresholds": 1}, "acc", 1.0),
        ({"thresholds": [0.2, 0.7]}, "acc", 0.5),  # at several: at none of them
        ({"threshold": None, "thresholds": [0.7]}, "out_acc", 0.7),
        ({"threshold": 0.3}, "auc", 0.5),
        ({}, "acc", 0.5),
    ],
)
def test_where_a_compiled_metric_cuts_outputs(settings, metric, threshold):
    compiled = {"class": "BinaryAccuracy", "name": "acc", **settings}
    for given in ({"metrics": [compiled]}, {"weighted_metrics": {"out": [compiled]}}):
        assert threshold_of(call(1, "evaluate", measurement=given), metric) == threshold


# --- what a person chose, and models built apart --------------------------------------------------


def test_two_calls_that_were_chosen_are_compared_whatever_they_measured():
    far = chosen(call(1), call(2, x=X[:8]))
    assert (far.distance, far.why, far.check) == (
        Distance(1.0, False, "outputs"), RUN, ROWS_CORRESPOND)  # fmt: skip
    same = chosen(call(1), call(2))
    assert (same.distance.relative, same.check) == (0.0, "")
    empty = [replace(call(n), outputs=()) for n in (1, 2)]
    assert chosen(*empty).distance == Distance(0.0, False, "outputs")
    built = chosen(call(1, "built", x=X[:2]), call(2, "built", x=X[:1], kernel=OTHER))
    assert built.check == ""


def test_a_fit_that_was_chosen_with_evaluate_is_held_by_what_it_logged(trained_fit):
    fit = logging(trained_fit(1), accuracy=0.9, loss=0.5)
    found = chosen(fit, evaluated(fit, accuracy=0.3, loss=0.5))
    assert (found.why, found.distance.metric, found.distance.b) == (LOGGED, "accuracy", 0.3)
    elsewhere = chosen(fit, evaluated(fit, rows=7, accuracy=0.9, loss=0.1))
    assert (elsewhere.why, elsewhere.distance.metric) == (LOGGED, "loss")
    assert chosen(fit, evaluated(fit, rows=7, accuracy=0.3), "loss").distance == Distance(
        1.0, False, "loss")  # fmt: skip
    apart = chosen(fit, evaluated(fit, rows=7, auc=0.7, loss=0.3)).distance
    assert (apart.metric, apart.a, apart.b) == ("loss", 0.5, 0.3)


def test_models_are_independent_that_were_drawn_apart(trained_fit):
    def found(*calls, **more):
        pair = independent(execution(*calls, **more))
        return pair and (pair.a.number, pair.b.number)

    one = call(1)
    assert found(one, call(2, model=2, kernel=OTHER, origin=drawn(2))) == (1, 2)
    counted = call(2, model=2, kernel=OTHER)
    weights = (*counted.recipe.weights, Tensor("norm/count", "non-trainable", (), "int64", "0"))
    recipes = [
        replace(c.recipe, weights=(c.recipe.weights[0], weights[1]),
                origins=(drawn(), Origin("as built", "initial")))
        for c in (one, counted)
    ]  # fmt: skip
    built = [replace(c, recipe=r) for c, r in zip((one, counted), recipes, strict=True)]
    assert found(*built) == (1, 2)
    assert found(one, call(2, kernel=OTHER), call(3, model=2, kernel=OTHER)) == (1, 3)
    assert found(one, call(2, model=2, kernel=OTHER, origin=Origin("a file", "file"))) is None
    assert found(one, call(2, model=2, x=X + 1, kernel=OTHER)) is None  # rows to be checked first
    assert found(one, call(2, model=2, kernel=KERNEL * np.float32(1 + 1e-7))) is None  # rounding
    assert found(one, call(2, model=2, outputs=X @ OTHER)) is None  # the same weights
    assert found(one, call(2, model=2, kernel=OTHER), fits=[trained_fit(3)]) is None


def test_models_of_another_shape_are_not_drawn_apart():
    wide = np.concatenate([OTHER, OTHER], axis=1)
    other = call(2, model=2, kernel=wide, outputs=X @ OTHER)
    assert independent(execution(call(1), other)) is None


def test_a_line_without_a_call_is_answered_with_the_lines_that_have_one():
    with pytest.raises(WhydiffError) as error:
        call_at(execution(), 3)
    assert "There are calls at lines none." in str(error.value.way_out)


def test_leaves_of_other_kinds_are_not_the_same_rows():
    inputs = call(20).recipe.inputs
    second = Leaf("x", "1", "float32", (3,), row_digests([X]))
    pair = replace(inputs, leaves=(*inputs.leaves, second))
    two_inputs = replace(call(20), recipe=replace(call(20).recipe, inputs=pair))
    assert joined(two_inputs, *pieces()) == []
    empty = Output("", "float32", (0, 1), row_digests([X])[:0], None)
    assert joined(replace(call(20), outputs=(empty,)), *pieces()) == []


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"loss": "mean_squared_error"}, "'mean_squared_error'"),
        ({"loss": "binary_crossentropy", "loss.from_logits": True},
         "keras.metrics.BinaryCrossentropy(from_logits=True)"),
        ({"loss": "categorical_crossentropy", "loss.from_logits": False},
         "'categorical_crossentropy'"),
        ({"loss": "my_loss", "code:loss": "abc"}, "my_loss"),
        ({"loss.0": "mean_squared_error"}, ""),
        ({"loss": None}, ""),
    ],
)  # fmt: skip
def test_how_a_script_writes_its_loss_as_a_metric(facts, text):
    assert loss_as_metric(call(1, "evaluate", objective=facts)) == text
