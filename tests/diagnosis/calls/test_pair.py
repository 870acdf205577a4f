"""Which two calls ought to agree and disagree most, on plain data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.calls import BEHIND_STEPS, Origin, Score
from whydiff.core.digests import row_digests
from whydiff.core.errors import WhydiffError
from whydiff.core.recipe import Tensor
from whydiff.core.recording import LOG_UNSEEN, STEP, VALIDATION_STEPS
from whydiff.diagnosis.calls.answer import strip, two_agree
from whydiff.diagnosis.calls.numbers import judge_taken
from whydiff.diagnosis.calls.pairs.choosing import (
    alike,
    asked_for,
    call_at,
    chosen,
    disagreements,
    first_difference,
    in_comparison,
    independent,
    wanted_calls,
)
from whydiff.diagnosis.calls.pairs.disagreement import (
    HELD_OUT,
    LABELS_MOVE,
    MEASURED_AGAIN,
    ROWS_CORRESPOND,
    RUN,
    STEP_ROWS,
    VALIDATION_ROWS,
)
from whydiff.diagnosis.calls.pairs.scores import power_of_score, read_by
from whydiff.diagnosis.calls.results import kind_of, said, scope
from whydiff.report.documents.calls import call_verdict
from whydiff.testing.calls import KERNEL, X, call, drawn, execution

OTHER = KERNEL * 2
Y = np.arange(16, dtype="int64")


def numbers(execution_):
    return [(d.a.number, d.b.number) for d in disagreements(execution_)]


def test_equal_calls_do_not_disagree():
    assert not disagreements(execution(call(1), call(2), call(3, "call")))


def test_two_that_were_chosen_and_agree_say_in_what():
    one, other = (call(n, "evaluate", y=Y, values={"loss": 0.5, "accuracy": 0.9}) for n in (1, 2))
    watched = execution(one, other)
    answer = two_agree(watched, "train.py", chosen(one, other, "accuracy"))
    assert answer.identical and (answer.a["line"], answer.b["line"]) == (1, 2)
    assert call_verdict(answer) == (
        "Evaluate at line 1 and evaluate at line 2 give the same accuracy: 0.9, and are equal bit "
        "for bit."
    )
    other = call(2, "evaluate", y=Y, values={"loss": 0.4, "accuracy": 0.9})
    answer = two_agree(watched, "train.py", chosen(one, other, "accuracy"))
    assert answer.chosen.endswith("give the same accuracy: 0.9")


def test_train_and_test_data_are_no_disagreement():
    train = call(1, "evaluate", y=Y, values={"loss": 0.1, "accuracy": 0.99})
    test = call(2, "evaluate", x=X[:10] + 1, y=Y[:10], values={"loss": 0.4, "accuracy": 0.9})
    assert not disagreements(execution(train, test))


def test_predictions_of_other_samples_still_have_to_be_looked_at():
    (found,) = disagreements(execution(call(1), call(2, x=X + 5)))
    assert found.check == ROWS_CORRESPOND


def test_what_a_loop_asks_of_other_samples_while_it_trains_is_another_question():
    def loop(kind, others=X + 5):
        return [
            call(
                1 + 2 * step + nth, line=8 + nth, x=others if nth else X,
                kernel=KERNEL * (1 + step),
                origin=Origin(kind, kind, fit=1),
            )
            for step in range(2)
            for nth in (0, 1)
        ]  # fmt: skip

    assert not disagreements(execution(*loop("trained")))
    assert disagreements(execution(*loop("trained")[:2]))
    assert not disagreements(execution(*loop("trained", X[::-1])))
    assert disagreements(execution(*loop("file")))


def test_the_same_labels_in_order_say_that_the_samples_are_the_same():
    one = call(1, "evaluate", y=Y, values={"loss": 0.1})
    other = call(2, "evaluate", x=X / 255, y=Y, values={"loss": 0.4})
    (found,) = disagreements(execution(one, other))
    assert not found.check
    assert (found.distance.metric, found.distance.a) == ("loss", 0.1)


def test_predict_and_call_come_before_two_noisy_calls():
    noisy = [call(n, "call", outputs=X @ KERNEL + n) for n in (3, 4)]
    assert numbers(execution(call(1), *noisy))[0] == (1, 4)


def test_rounding_comes_last():
    rounded = (X @ KERNEL) * np.float32(1 + 2e-7)
    calls = (call(1), call(2, "call", outputs=rounded), call(3, model=2, kernel=OTHER))
    found = disagreements(execution(*calls))
    assert (found[0].a.number, found[0].b.number) == (1, 3)
    assert found[-1].distance.rounding


def test_a_model_trained_in_between_is_meant_to_answer_otherwise(trained_fit):
    before, after = call(1), call(3, kernel=OTHER)
    assert not disagreements(execution(before, after, fits=[trained_fit(2)]))
    assert disagreements(execution(before, after))  # loaded, say: nothing trained it


def test_a_model_evaluated_between_the_steps_of_one_loop_was_trained_in_between(trained_fit):
    def evaluated(n, kernel, fit, loss):
        origin = Origin("trained", "trained", fit=fit)
        return call(n, "evaluate", line=n, kernel=kernel, origin=origin, values={"loss": loss})

    loop = replace(trained_fit(1), notes={"data": "train_on_batch"})
    early, late = evaluated(2, KERNEL * 2, 1, 0.9), evaluated(3, KERNEL * 3, 1, 0.5)
    assert not disagreements(execution(early, late, fits=[loop]))
    again = evaluated(3, KERNEL * 2, 1, 0.5)
    assert disagreements(execution(early, again, fits=[loop]))


def test_the_first_rows_predicted_again_in_another_form():
    def found(rows, shape=None):
        few = call(2, x=rows, outputs=rows @ KERNEL + 1)
        (leaf,) = few.recipe.inputs.leaves
        inputs = replace(few.recipe.inputs, leaves=(replace(leaf, shape=shape or leaf.shape),))
        few = replace(few, recipe=replace(few.recipe, inputs=inputs))
        return [d for d in disagreements(execution(call(1), few)) if "part" in d.a.notes]

    (pair,) = found(X[:5] * 2)  # scaled, say
    assert pair.a.notes["part"] == [0, 1, 2, 3, 4] and pair.check == ROWS_CORRESPOND
    (pair,) = found(X[:2] * 2, (-1,))  # of another length
    assert pair.a.notes["part"] == [0, 1] and pair.check == ROWS_CORRESPOND
    assert not found(X[:3] * 2)  # too few to tell by their values
    moved = X[:5][::-1].copy()
    moved[0] += 1
    assert not found(moved)  # some are the same


def test_steps_of_a_training_loop_are_left_out():
    steps = [call(n, "call", line=5, kernel=KERNEL * n) for n in range(1, 6)]
    assert not disagreements(execution(*steps))


def test_many_calls_of_one_line_are_not_all_compared():
    calls = [call(n, line=5, outputs=X @ KERNEL + n) for n in range(1, 40)]
    assert len(disagreements(execution(*calls))) == 3


def test_models_only_built_are_compared_by_their_weights():
    one, two = call(1, "built"), call(2, "built", model=2, kernel=OTHER, origin=drawn(2))
    (found,) = disagreements(execution(one, two))
    assert found.distance.metric == "weights"
    assert independent(execution(one, two)) is not None


def test_a_model_and_its_copy_are_not_independent():
    copied = call(2, model=2, architecture={"layer:dense:activation": "tanh"}, outputs=X[:, :1])
    assert independent(execution(call(1), copied)) is None


def test_a_score_is_held_against_evaluate():
    predicted = call(1, x=X[::-1])
    wrong = Score("sklearn.metrics.accuracy_score", 1, "", "argmax", row_digests([Y]))
    score = call(2, "score", values={"accuracy_score": 0.2}, score=wrong)
    evaluated = call(3, "evaluate", y=Y, values={"loss": 0.1, "accuracy": 0.9})
    found = disagreements(execution(predicted, score, evaluated))[0]
    assert (found.a.number, found.b.number, found.distance.metric) == (3, 2, "accuracy")


@pytest.mark.parametrize(
    ("origin", "own", "held"),
    [
        ("file", False, True),
        ("average", False, True),
        ("trained", False, False),  # two models that were trained apart
        ("file", True, False),  # an evaluate with the weights of the score is nearer
    ],
)
def test_a_score_by_weights_of_another_epoch_is_held_against_evaluate(origin, own, held):
    told = Score("sklearn.metrics.accuracy_score", 2, "", "argmax", row_digests([Y]))
    best = {"kernel": KERNEL * 2, "origin": Origin("best.keras", origin, fit=1)}
    evaluated = call(1, "evaluate", y=Y, values={"accuracy": 0.9})
    score = call(3, "score", values={"accuracy_score": 0.2}, score=told)
    again = [call(4, "evaluate", y=Y, values={"accuracy": 0.2}, **best)] if own else []
    known = execution(evaluated, call(2, **best), score, *again)
    found = [(d.a.number, d.b.number) for d in disagreements(known) if d.b.score]
    assert found == ([(1, 3)] if held else [])


@pytest.mark.parametrize(
    ("x", "y", "held"),
    [
        (X, Y, True),
        (X[:12], Y[:12], True),  # a part of what was predicted
        (X / 255, Y, True),  # the same labels in order: the same samples in another form
        (X + 1, Y[::-1].copy(), False),  # as many samples, and others: a validation set
        (X[:12] + 1, Y[:12], False),
    ],
    ids=["same", "part", "scaled", "others", "fewer others"],
)
def test_a_score_is_held_only_against_evaluate_of_its_own_samples(x, y, held):
    told = Score("sklearn.metrics.accuracy_score", 1, "", "argmax", row_digests([Y]))
    score = call(2, "score", values={"accuracy_score": 0.2}, score=told)
    evaluated = call(3, "evaluate", x=x, y=y, values={"accuracy": 0.9})
    found = [d for d in disagreements(execution(call(1), score, evaluated)) if d.b.score]
    assert bool(found) is held


@pytest.mark.parametrize(
    ("output", "value", "held"),
    [("0", 0.9, ""), ("1", 0.5, ""), ("1", 0.9, "b_accuracy"), ("b", 0.9, "b_accuracy")],
)
def test_a_score_of_one_output_is_held_against_the_metrics_of_that_output(output, value, held):
    told = Score("sklearn.metrics.accuracy_score", 1, output, "argmax", row_digests([Y]))
    score = call(2, "score", values={"accuracy_score": value}, score=told)
    names = ("loss", "a_loss", "b_loss", "a_accuracy", "b_accuracy")
    values = dict(zip(names, (0.3, 0.1, 0.2, 0.9, 0.5), strict=True))
    evaluated = replace(call(3, "evaluate", y=Y, values=values), notes={"outputs": ["a", "b"]})
    found = [d for d in disagreements(execution(call(1), score, evaluated)) if d.b.score]
    assert [d.distance.metric for d in found] == [held] * bool(held)
    unknown = replace(evaluated, notes={})  # which output is the first
    found = [d for d in disagreements(execution(call(1), score, unknown)) if d.b.score]
    assert [d.distance.metric for d in found] == [held] * (bool(held) and output == "b")


def test_a_number_of_the_list_is_held_against_the_metric_that_it_is_called():
    values = {"loss": 0.3, "auc": 0.7, "accuracy": 0.9}
    evaluated = call(1, "evaluate", y=Y, values=values)
    evaluated = replace(evaluated, notes={"listed": list(values)})
    told = Score("from the list.accuracy", 1, "", "position 1", row_digests([Y]))
    taken = call(2, "score", values={"accuracy": 0.7}, score=told)
    (found,) = [d for d in disagreements(execution(evaluated, taken)) if d.b.score]
    assert (found.a, found.distance.metric, found.distance.b) == (evaluated, "accuracy", 0.7)
    assert said(found.b) == "what is printed as accuracy at line 2"
    (cause,) = judge_taken(evaluated, taken, evaluated, "accuracy").causes
    assert (cause.mechanism, cause.share) == ("list-position", 1.0)
    assert "position [1] of the list that evaluate returned, auc" in cause.detail
    elsewhere = replace(taken, score=replace(told, transformation="position 0"))
    assert not judge_taken(evaluated, elsewhere, evaluated, "accuracy").reproduced


def test_a_number_of_the_list_where_another_call_has_another_metric():
    values = {"loss": 0.3, "auc": 0.7, "accuracy": 0.9}
    first = replace(call(1, "evaluate", y=Y, values=values), notes={"listed": [*values]})
    order = ["loss", "accuracy", "auc"]
    second = replace(call(2, "evaluate", y=Y, values=values), notes={"listed": order})
    told = Score("from the list.[1]", 2, "", "position 1", row_digests([Y])[:0])
    taken = call(3, "score", values={"[1]": 0.9}, score=told)
    taken = replace(taken, notes={"beside": 1, "there": "auc"})
    (found,) = [d for d in disagreements(execution(first, second, taken)) if d.b.score]
    assert (found.a, found.distance[2:]) == (first, ("auc", 0.7, 0.9))
    (cause,) = judge_taken(first, taken, second, "auc").causes
    assert (cause.mechanism, cause.share) == ("list-position", 1.0)
    assert "[1] of what evaluate at line 2 returned is accuracy" in cause.detail
    other = replace(second, values={**values, "auc": 0.8})  # then the calls themselves differ
    assert not [d for d in disagreements(execution(first, other, taken)) if d.b.score]


def test_a_number_of_the_list_of_another_output():
    values = {"loss": 9.0, "kind_loss": 0.7, "age_loss": 8.3, "age_mae": 2.0, "kind_accuracy": 0.5}
    evaluated = call(1, "evaluate", y=Y, values=values)
    evaluated = replace(evaluated, notes={"listed": list(values)})
    told = Score("from the list.mean_absolute_error", 1, "", "position 1", row_digests([Y]))
    taken = call(2, "score", values={"mean_absolute_error": 0.7}, score=told)
    (found,) = [d for d in disagreements(execution(evaluated, taken)) if d.b.score]
    assert (found.distance.metric, found.distance.a, found.distance.b) == ("age_mae", 2.0, 0.7)


def test_the_accuracy_in_a_table_is_held_against_evaluate():
    told = Score("sklearn.metrics.confusion_matrix", 1, "", "argmax", row_digests([Y]))
    score = call(2, "score", values={"accuracy": 0.3}, score=told)
    evaluated = call(3, "evaluate", y=Y, values={"loss": 0.3, "accuracy": 0.9})
    (found,) = [d for d in disagreements(execution(call(1), score, evaluated)) if d.b.score]
    assert found.distance[2:] == ("accuracy", 0.9, 0.3)
    assert said(score) == "the accuracy in confusion_matrix at line 2"


@pytest.mark.parametrize(
    ("values", "scored", "held", "power"),
    [
        ({"loss": 4.0}, 1.5, [("loss", 4.0, 2.25)], 2.0),
        ({"loss": 4.0}, 2.0, [], 2.0),
        # a metric of its own quantity is nearer than the square of another one
        ({"loss": 4.0, "rmse": 1.9}, 2.0, [("rmse", 1.9, 2.0)], 1.0),
    ],
)
def test_an_error_is_held_against_its_square(values, scored, held, power):
    told = Score("by hand.root_mean_squared_error", 1, "", "", row_digests([Y]))
    score = call(2, "score", values={"root_mean_squared_error": scored}, score=told)
    evaluated = call(3, "evaluate", y=Y, values=values, objective={"loss": "mse"})
    found = [d for d in disagreements(execution(call(1), score, evaluated)) if d.b.score]
    assert [d.distance[2:] for d in found] == held
    assert power_of_score(evaluated, score, held[0][0] if held else "loss") == power


@pytest.mark.parametrize(("sizes", "pairs"), [((5, 5, 5, 1), 1), ((5, 5, 5), 1), ((5, 5), 0)])
def test_a_mean_over_batches_is_held_against_evaluate_of_their_samples(sizes, pairs):
    ends = np.cumsum(sizes)
    parts = [
        call(n, "evaluate", line=5, x=X[end - size : end], values={"loss": float(n)})
        for n, (size, end) in enumerate(zip(sizes, ends, strict=True), 1)
    ]
    told = Score("mean over batches.loss", 1, "", "mean", row_digests([Y]))
    mean = call(8, "score", values={"loss": 2.0}, score=told)
    mean = replace(mean, notes={"reads": [part.number for part in parts]})
    # whatever function the loss is
    evaluated = call(9, "evaluate", line=20, values={"loss": 0.5}, objective={"loss": "mse"})
    found = [d for d in disagreements(execution(*parts, mean, evaluated)) if d.b.kind == "score"]
    assert [d.a for d in found] == [evaluated] * pairs
    measured = call(20, "evaluate", y=Y, values={"accuracy": 0.9})
    told = Score("sklearn.metrics.accuracy_score", 21, "", "argmax", row_digests([Y]))
    scored = call(22, "score", values={"accuracy_score": 0.2}, score=told)
    more = (*parts, mean, evaluated, measured, call(21), scored)
    assert measured in [d.a for d in disagreements(execution(*more)) if d.b is scored]


def test_a_loop_that_predicts_batch_by_batch_is_read_as_a_whole():
    parts = [call(n, line=5, x=X[i : i + 4]) for n, i in ((1, 0), (2, 4), (3, 8), (4, 12))]
    told = Score("by hand.accuracy", 1, "", "argmax", row_digests([Y]))
    score = call(5, "score", values={"accuracy": 0.5}, score=told)
    score = replace(score, notes={"reads": [1, 2, 3, 4]})
    evaluated = call(6, "evaluate", y=Y, values={"accuracy": 0.75})
    (found,) = [d for d in disagreements(execution(*parts, score, evaluated)) if d.b.score]
    assert (found.a, found.distance.b) == (evaluated, 0.5)
    assert read_by(execution(*parts), score).notes["joined"] == [1, 2, 3, 4]
    assert read_by(execution(*parts[1:]), score) is None


def test_a_metric_that_agrees_settles_what_a_score_measured():
    told = Score("sklearn.metrics.accuracy_score", 1, "", "argmax", row_digests([Y]))
    score = call(2, "score", values={"accuracy_score": 0.9}, score=told)
    values = {"loss": 0.3, "strict_accuracy": 0.4, "accuracy": 0.9}
    evaluated = call(3, "evaluate", y=Y, values=values)
    assert not [d for d in disagreements(execution(call(1), score, evaluated)) if d.b.score]


@pytest.mark.parametrize(
    ("function", "metric", "held"),
    [
        ("precision_score", {"class": "Precision", "name": "prec"}, True),
        ("recall_score", {"class": "Precision", "name": "prec"}, False),
        ("mean_squared_error", {"class": "MeanSquaredError", "name": "prec"}, True),
        ("precision_score", {"class": "MeanMetricWrapper", "name": "prec"}, False),
        ("precision_score", {"out": [{"class": "Precision", "name": "prec"}]}, True),
    ],
)
def test_a_metric_that_the_script_named_is_known_by_its_class(function, metric, held):
    told = Score(f"sklearn.metrics.{function}", 1, "", "", row_digests([Y]))
    score = call(2, "score", values={function: 0.2}, score=told)
    values = {"loss": 0.1, "prec": 0.5}
    evaluated = call(3, "evaluate", y=Y, values=values, measurement={"metrics": [metric]})
    found = [d for d in disagreements(execution(call(1), score, evaluated)) if d.b.score]
    assert bool(found) is held


def test_a_loss_is_held_against_the_function_it_was_compiled_with():
    def found(function, loss):
        predicted = call(1)
        told = Score(f"sklearn.metrics.{function}", 1, "", "", row_digests([Y]))
        score = call(2, "score", values={function: 0.2}, score=told)
        evaluated = call(3, "evaluate", y=Y, values={"loss": 0.1}, objective={"loss": loss})
        return [d for d in disagreements(execution(predicted, score, evaluated)) if d.b.score]

    assert found("log_loss", "binary_crossentropy")
    assert found("mean_squared_error", "mean_squared_error")
    assert not found("mean_squared_error", "binary_crossentropy")


def validating(fit, rows, **logs):
    content = replace(fit.recipe.data_content, validation_samples=row_digests([rows]))
    recipe = replace(fit.recipe, data_content=content)
    last = replace(fit.epochs[-1], logs=logs)
    return replace(fit, recipe=recipe, epochs=(*fit.epochs[:-1], last))


def test_what_fit_logged_of_its_validation_is_held_against_evaluate(trained_fit):
    fit = validating(trained_fit(1), X[:5], val_loss=0.9, val_accuracy=0.5, loss=0.1)
    evaluated = call(2, "evaluate", x=X[:5], values={"loss": 0.7, "accuracy": 0.5})
    (found,) = disagreements(execution(evaluated, fits=[fit]))
    assert (found.check, found.distance.metric) == (VALIDATION_ROWS, "loss")
    equal = call(2, "evaluate", x=X[:5], values={"loss": 0.9, "accuracy": 0.5})
    assert not disagreements(execution(equal, fits=[fit]))
    more = call(2, "evaluate", x=X[:9], values={"loss": 0.7, "accuracy": 0.5})
    assert not disagreements(execution(more, fits=[fit]))  # other samples besides
    cut = replace(fit, notes={**fit.notes, VALIDATION_STEPS: 1})
    (found,) = disagreements(execution(more, fits=[cut]))
    assert found.check == VALIDATION_ROWS


@pytest.mark.parametrize(
    ("rows", "seen", "held"),
    [
        ("all", [], ["loss"]),
        ("all", ["loss", "val_loss"], ["loss"]),
        ("all", ["val_loss"], []),  # the script looks at one of the two numbers alone
        ("in another order", [], ["loss"]),
        ("all but one", [], []),
        ("all but one", ["loss", "val_loss"], ["loss"]),
        ("all but one", ["loss"], []),
    ],
)
def test_a_fit_is_held_against_its_validation_on_the_samples_that_it_trained_on(
    trained_fit, rows, seen, held
):
    fit = trained_fit(1)
    content = fit.recipe.data_content
    trained_on = content.samples[fit.recipe.data_order.epochs[-1]]
    given = {
        "all": trained_on,
        "in another order": trained_on[::-1],
        "all but one": trained_on[:-1],
    }[rows]
    recipe = replace(fit.recipe, data_content=replace(content, validation_samples=given))
    epochs = (*fit.epochs[:-1], replace(fit.epochs[-1], logs={"loss": 0.9, "val_loss": 0.5}))
    fit = replace(fit, recipe=recipe, epochs=epochs, notes={**fit.notes, "log names": seen})
    found = disagreements(execution(fits=[fit]))
    assert [d.distance.metric for d in found] == held
    for d in found:
        check = MEASURED_AGAIN if rows == "all but one" else ""
        assert (d.distance.a, d.distance.b, d.check) == (0.9, 0.5, check)
        assert said(d.b) == "its own validation"


def test_a_validation_on_other_samples_comes_behind_all_else(trained_fit):
    fit = validating(trained_fit(1), X[:5], loss=0.9, val_loss=0.1)
    fit = replace(fit, notes={**fit.notes, "log names": ["loss", "val_loss"]})
    nearly = call(3, "call", outputs=call(2).outputs[0].values * np.float32(1 + 1e-7))
    found = disagreements(execution(call(2), nearly, fits=[fit]))
    assert [d.why for d in found] == [RUN, HELD_OUT]
    assert not found[1].clear


def test_a_log_that_nobody_sees_is_held_against_nothing(trained_fit):
    seen = validating(trained_fit(1), X[:5], val_loss=0.9, loss=0.1)
    unseen = replace(seen, notes={**seen.notes, "log": LOG_UNSEEN})
    evaluated = call(2, "evaluate", x=X[:5], values={"loss": 0.7})
    pairs = [disagreements(execution(evaluated, fits=(fit,))) for fit in (seen, unseen)]
    assert pairs[0] and not pairs[1]


@pytest.mark.parametrize(
    ("seen", "metrics"), [([], ["loss"]), (["accuracy"], ["accuracy"]), (["val_loss"], [])]
)
def test_a_log_is_told_in_the_number_that_the_script_looks_at(trained_fit, seen, metrics):
    fit = trained_fit(1)
    rows = len(fit.recipe.data_order.epochs[-1])
    logs = {"accuracy": 0.9, "loss": 0.2}
    epochs = (*fit.epochs[:-1], replace(fit.epochs[-1], logs=logs))
    fit = replace(fit, epochs=epochs, notes={**fit.notes, "log names": seen})
    evaluated = call(2, "evaluate", x=np.ones((rows, 3)), values={"accuracy": 0.8, "loss": 0.9})
    found = [d for d in disagreements(execution(evaluated, fits=[fit])) if d.a is fit]
    assert [d.distance.metric for d in found] == metrics


def test_loops_that_agree_with_the_whole_are_counted():
    parts = [call(n, line=5, x=X[i : i + 4]) for n, i in ((1, 0), (2, 4), (3, 8), (4, 12))]
    assert in_comparison(execution(*parts, call(9)))[0] == 1
    assert in_comparison(execution(*parts, call(9, kernel=OTHER)))[0] == 0
    some = [call(n, line=5, x=X[n : n + 1]) for n in range(3)]
    assert in_comparison(execution(*some, call(9)))[0] == 1


def test_two_evaluates_come_before_the_validation_of_a_fit(trained_fit):
    fit = validating(trained_fit(1), X, val_loss=0.9)
    last = call(2, "evaluate", values={"loss": 0.9})
    best = call(3, "evaluate", model=2, kernel=OTHER, values={"loss": 0.5})
    best = replace(best, model=last.model)  # loaded: of the same name
    found = disagreements(execution(last, best, fits=[fit]))[0]
    assert [kind_of(found.a), kind_of(found.b)] == ["evaluate", "evaluate"]


def test_a_score_without_evaluate_is_held_against_the_validation(trained_fit):
    fit = validating(trained_fit(1), X, val_accuracy=0.9)
    told = Score("sklearn.metrics.accuracy_score", 2, "", "argmax", row_digests([Y]))
    score = call(3, "score", values={"accuracy_score": 0.2}, score=told)
    (found,) = [d for d in disagreements(execution(call(2), score, fits=[fit])) if d.b.score]
    assert (kind_of(found.a), found.distance.a, found.distance.b) == ("fit", 0.9, 0.2)


def test_evaluate_and_predict_over_a_source_that_reshuffles():
    def fed(made):
        inputs = replace(made.recipe.inputs, facts={"source": "tf.data"})
        return replace(made, recipe=replace(made.recipe, inputs=inputs))

    evaluated = call(1, "evaluate", values={"loss": 0.1, "accuracy": 0.9})
    shuffled, ordered_ = call(2, x=X[::-1]), call(2)
    (found,) = disagreements(execution(fed(evaluated), fed(shuffled)))
    assert (found.check, found.distance.metric) == (LABELS_MOVE, "accuracy")
    assert not disagreements(execution(fed(evaluated), fed(ordered_)))
    assert not disagreements(execution(evaluated, shuffled))  # arrays keep their order
    told = Score("sklearn.metrics.accuracy_score", 2, "", "argmax", row_digests([Y]))
    agreeing = call(3, "score", values={"accuracy_score": 0.9}, score=told)
    calls = fed(call(1, "evaluate", y=Y, values={"loss": 0.1, "accuracy": 0.9})), fed(shuffled)
    assert not disagreements(execution(*calls, agreeing))  # its labels came in the right order
    wrong = disagreements(execution(*calls, replace(agreeing, values={"accuracy_score": 0.2})))
    assert LABELS_MOVE not in [d.check for d in wrong], "what was computed by hand says more"


def test_a_log_that_is_off_hides_no_labels_that_move(trained_fit):
    def fed(made):
        inputs = replace(made.recipe.inputs, facts={"source": "tf.data"})
        return replace(made, recipe=replace(made.recipe, inputs=inputs))

    fit = trained_fit(1)
    rows = X[: len(fit.recipe.data_order.epochs[-1])]
    calls = call(2, "evaluate", x=rows, values={"loss": 0.1}), call(3, x=rows[::-1])
    found = disagreements(execution(*map(fed, calls), fits=[fit]))
    assert [d.check for d in found].count(LABELS_MOVE) == 1 and fit in [d.a for d in found]


@pytest.mark.parametrize(
    ("rows", "batches", "facts", "paired"),
    [
        (12, [4, 4, 4], {}, True),  # the rest of a batch was dropped
        (8, [4, 4], {}, False),  # a whole batch less: another part, as for a validation
        (11, [4, 4, 3], {}, False),  # four samples less, as many as a batch holds
        (8, [4, 4], {"steps": 2}, True),
        (14, [4, 4, 4, 2], {}, True),
    ],
)
def test_an_evaluate_that_lost_the_last_samples_of_another_is_held_against_it(
    rows, batches, facts, paired
):
    few = call(1, "evaluate", x=X[:rows], values={"accuracy": 0.9}, batches=batches)
    inputs = replace(few.recipe.inputs, facts=facts)
    few = replace(few, recipe=replace(few.recipe, inputs=inputs))
    whole = call(2, "evaluate", x=X[:15], values={"accuracy": 0.7}, batches=[15])
    for one, other in ((few, whole), (whole, few)):
        found = disagreements(execution(one, replace(other, number=one.number + 1)))
        assert bool(found) == paired
    changed = call(2, "evaluate", x=X[:15], values={"accuracy": 0.7}, kernel=OTHER)
    assert not disagreements(execution(few, changed))


def test_a_score_summed_in_double_precision_is_no_disagreement():
    told = Score("sklearn.metrics.accuracy_score", 1, "", "argmax", row_digests([Y]))
    score = call(2, "score", values={"accuracy_score": 0.945}, score=told)
    evaluated = call(3, "evaluate", y=Y, values={"accuracy": 0.9449999928})
    assert not disagreements(execution(call(1), score, evaluated))


def test_a_score_comes_before_a_log_and_a_log_that_is_somewhat_off_last(trained_fit):
    fit = trained_fit(1)
    logged = fit.epochs[-1].logs["loss"]
    evaluated = call(
        2, "evaluate", x=X[: len(fit.recipe.data_order.epochs[-1])], kernel=KERNEL,
        values={"loss": logged * 1.05},
    )  # fmt: skip
    plain, called = call(3), call(4, "call", outputs=X @ KERNEL * np.float32(1.01))
    found = disagreements(execution(evaluated, plain, called, fits=[fit]))
    kinds = [(kind_of(d.a), kind_of(d.b)) for d in found]
    assert kinds == [("predict", "call"), ("fit", "evaluate")]


def test_a_model_that_is_loaded_for_every_piece_is_one_model():
    whole = call(1, line=8, x=X)
    pieces = [
        call(2 + i, line=9, model=2 + i, x=X[i : i + 1], outputs=X[i : i + 1] @ KERNEL + 1)
        for i in range(len(X))
    ]
    (found,) = [d for d in disagreements(execution(whole, *pieces)) if not d.check]
    assert said(found.b) == f"the {len(X)} calls of predict at line 9"
    other = {"layer 0 dense:activation": "relu"}
    apart = [replace(p, recipe=replace(p.recipe, architecture=other)) for p in pieces[:2]]
    apart += pieces[2:]
    joined = [d for d in disagreements(execution(whole, *apart)) if "calls of" in said(d.b)]
    assert all(d.b.notes["joined"] != [p.number for p in pieces] for d in joined)


def test_a_loop_over_single_rows_is_held_against_the_whole():
    whole = call(1)
    pieces = [
        call(n + 2, line=9, x=X[n : n + 1], outputs=X[n : n + 1] @ KERNEL * np.float32(2))
        for n in range(len(X))
    ]
    (found,) = [d for d in disagreements(execution(whole, *pieces)) if not d.check]
    assert said(found.b) == "the 16 calls of predict at line 9"
    assert found.b.recipe.inputs.batches.tolist() == [1] * len(X)
    assert found.distance.relative == pytest.approx(0.5)


def test_some_rows_are_held_against_the_call_that_predicted_them_among_others():
    def found(*calls):
        return [d for d in disagreements(execution(call(1), *calls)) if d.a.notes.get("part")]

    one = call(2, line=5, x=X[3:4], outputs=X[3:4] @ KERNEL * np.float32(2))
    (alone,) = found(one)
    assert said(alone.a) == "1 row of predict at line 1"
    assert alone.a.notes["part"] == [3] and not alone.check
    pieces = [
        call(n + 2, line=9, x=X[n : n + 1], outputs=X[n : n + 1] @ KERNEL * np.float32(2))
        for n in range(5)
    ]
    (loop,) = found(*pieces)
    assert said(loop.b) == "the 5 calls of predict at line 9"
    rounded = np.nextafter(X[3:4] @ KERNEL, np.float32(9))
    assert not found(call(2, x=X[3:4], outputs=rounded))  # alone it is summed otherwise
    assert not found(call(2, x=X[3:4] + 1))  # another row
    recipe = replace(one.recipe, inputs=replace(one.recipe.inputs, unit="batch"))
    assert not found(replace(one, recipe=recipe), call(3))  # its rows are batches
    assert not found(replace(one, model_number=2, recipe=call(2, x=X[3:4], kernel=OTHER).recipe))


@pytest.mark.parametrize("filled", [1, 7, 8, 15])
def test_samples_of_which_some_were_filled_otherwise_are_the_same_samples(filled):
    x = X.copy()
    x[:filled] = 0
    (found,) = disagreements(execution(call(1), call(2, x=x, outputs=x @ KERNEL)))
    assert found.check == ("" if filled < 8 else ROWS_CORRESPOND)
    alike, other = np.ones_like(X), np.ones_like(X)
    other[:filled] = 0  # rows that are all alike tell nothing
    calls = [call(1 + i, x=x, outputs=x @ KERNEL) for i, x in enumerate((alike, other))]
    assert all(d.check == ROWS_CORRESPOND for d in disagreements(execution(*calls)))


def test_the_calls_of_a_script_in_order_with_the_pair_marked():
    evaluated = call(4, "evaluate", values={"a": 1})
    made = execution(call(1), call(2, line=5), call(3, line=5), evaluated)
    shown = strip(made, {1: "A", 3: "B"})
    assert [(c["number"], c["side"]) for c in shown] == [(1, "A"), (2, ""), (3, "B"), (4, "")]
    assert shown[0]["shape"] == [16, 1] and shown[0]["mean"] == pytest.approx((X @ KERNEL).mean())
    assert shown[3]["values"] == {"a": 1}


def test_what_was_compared_is_counted_and_what_should_differ_is_said(trained_fit):
    trained = execution(call(1), call(2), call(4, kernel=OTHER), fits=[trained_fit(3)])
    equal, meant = in_comparison(trained)
    assert equal == 1
    assert all(text.endswith("differ, since the model was trained in between") for text in meant)
    assert len(meant) == 2


def test_predict_and_the_model_called_that_agree_are_counted():
    assert in_comparison(execution(call(1), call(2, "call"))) == (1, [])


def test_scores_and_validations_that_agree_with_evaluate_are_counted(trained_fit):
    told = Score("sklearn.metrics.accuracy_score", 3, "", "argmax", row_digests([Y[:5]]))
    score = call(4, "score", values={"accuracy_score": 0.5}, score=told)
    evaluated = call(2, "evaluate", x=X[:5], y=Y[:5], values={"loss": 0.9, "accuracy": 0.5})
    fit = validating(trained_fit(1), X[:5], val_loss=0.9, val_accuracy=0.5, loss=0.1)
    made = execution(evaluated, call(3, x=X[:5]), score, fits=[fit])
    assert not disagreements(made) and in_comparison(made) == (2, [])


def test_a_direct_call_that_moves_averages_is_no_step_of_a_training():
    def averaging(number, mean):
        made = call(number, "call", line=5, outputs=X @ KERNEL + number)
        moving = Tensor("norm/mean", "non-trainable", (1,), "float32", mean)
        weights = (*made.recipe.weights, moving)
        origins = (*made.recipe.origins, Origin("called", "called"))
        return replace(made, recipe=replace(made.recipe, weights=weights, origins=origins))

    assert disagreements(execution(averaging(1, "a"), averaging(2, "b")))


def test_the_first_call_that_differs_between_two_executions():
    a = execution(call(1), call(2, kernel=KERNEL), call(3))
    b = execution(call(1), call(2, kernel=OTHER), call(3, kernel=OTHER))
    one, _ = first_difference(a, b)
    assert one.number == 2
    assert first_difference(a, a) is None


def test_what_is_known_of_two_calls_that_a_person_chose():
    told = Score("sklearn.metrics.accuracy_score", 1, "", "argmax", row_digests([Y]))
    score = call(2, "score", line=7, values={"accuracy_score": 0.2}, score=told)
    evaluated = call(3, "evaluate", line=9, y=Y, values={"loss": 0.1, "accuracy": 0.9})
    made = execution(call(1), score, evaluated)
    for known in (asked_for(made, (2, 3)), asked_for(made, (0, 0), (7, 9))):
        assert known is not None and known.distance.metric == "accuracy"
        assert (known.a, known.b) == (evaluated, score)
    assert asked_for(made, (1, 2)) is None
    equal = replace(score, values={"accuracy_score": 0.9000001})
    known = asked_for(execution(call(1), equal, evaluated), (3, 2))
    assert known is not None and known.distance.relative == 0
    pieces = [
        call(n + 2, line=9, x=X[n : n + 1], outputs=X[n : n + 1] @ KERNEL * np.float32(2))
        for n in range(len(X))
    ]
    loop = asked_for(execution(call(1), *pieces), (1, 17), (1, 9))
    assert loop is not None and len(loop.b.notes["joined"]) == 16


def test_calls_of_two_scripts_are_paired_by_samples_then_from_the_last_of_each_kind():
    evaluated = {"loss": 0.5}
    a = execution(
        call(1, x=X + 1), call(2, "evaluate", y=Y, values=evaluated), call(3), call(4, x=X + 4)
    )
    b = execution(
        call(1, "evaluate", y=Y, values=evaluated), call(2, x=X + 2), call(3), call(4, x=X + 5)
    )
    assert [(x.number, y.number) for x, y in alike(a, b)] == [(4, 4), (3, 3), (2, 1), (1, 2)]
    assert alike(a, execution()) == []


def test_a_prediction_is_held_against_the_model_called_by_another_script():
    a = execution(call(1, x=X + 1), call(2))
    assert [(x.number, y.number) for x, y in alike(a, execution(call(1, "call")))] == [(2, 1)]
    assert [(x.number, y.number) for x, y in alike(a, execution(call(1, "call", x=X + 9)))] == [
        (2, 1)
    ]
    assert alike(a, execution(call(1, "evaluate", y=Y, values={"loss": 0.5}))) == []


def in_two_pieces(x, kernel=KERNEL, kind="call"):
    halves = (x[:8], x[8:])
    return [call(n, kind, line=9, x=h, outputs=h @ kernel) for n, h in enumerate(halves, 1)]


def test_a_loop_over_batches_is_one_call_beside_that_of_another_script():
    at_once = execution(call(1))
    ((one, other),) = alike(at_once, execution(*in_two_pieces(X)))
    assert one.number == 1 and other.notes["joined"] == [1, 2]
    shuffled = execution(*in_two_pieces(X[::-1]))
    ((one, other),) = alike(execution(*in_two_pieces(X)), shuffled)
    assert [c.notes["joined"] for c in (one, other)] == [[1, 2], [1, 2]]


def test_of_loops_that_ask_for_what_they_were_answered_the_first_difference_counts():
    goes_on = np.concatenate([X[:8], X[:8] + 3])
    ((one, other),) = alike(
        execution(*in_two_pieces(X)), execution(*in_two_pieces(goes_on, KERNEL * 2))
    )
    assert (one.number, other.number) == (1, 1) and not one.notes.get("joined")
    longer = [*in_two_pieces(goes_on, KERNEL * 2), call(3, "call", line=9, x=X[:8] + 5)]
    ((one, other),) = alike(execution(*in_two_pieces(X)), execution(*longer))
    assert (one.number, other.number) == (1, 1) and not other.notes.get("joined")


def test_loops_with_other_batch_sizes_are_compared_in_whole():
    pieces = [call(n, "call", line=9, x=X[i : i + 4] + 3) for n, i in enumerate((0, 4, 8), 1)]
    ((one, other),) = alike(execution(*in_two_pieces(X)), execution(*pieces))
    assert (one.notes["joined"], other.notes["joined"]) == ([1, 2], [1, 2, 3])


def test_calls_by_number_and_by_line():
    made = execution(call(1, line=4), call(2, line=9))
    assert [c.number for c in wanted_calls(made, (2, 1))] == [2, 1]
    assert call_at(made, 9).number == 2
    with pytest.raises(WhydiffError, match="names call 7"):
        wanted_calls(made, (1, 7))
    with pytest.raises(WhydiffError, match="line 5") as error:
        call_at(made, 5)
    assert "lines 4, 9" in error.value.way_out


def test_the_scope_names_what_was_watched():
    made = execution(call(1), call(2), call(3, "evaluate"), call(4, "built"))
    assert scope(made.in_order()) == "1 evaluate, 2 predictions and 1 model only built"
    ((loop, _),) = alike(*(execution(*in_two_pieces(X)) for _ in "ab"))
    assert scope([loop]) == "2 direct calls", "a loop as one stands for all of its calls"
    assert said(call(1, "call", line=7)) == "the model called at line 7"


def test_models_of_equal_names_are_told_apart_by_their_numbers(trained_fit):
    measured = {"y": Y, "values": {"loss": 1e3}}
    one, other = (replace(call(n, "evaluate", model=n, **measured), model="M 'm'") for n in (2, 3))
    fit = replace(trained_fit(1), model="M 'm'", models=(3,))
    assert not fit.trained(one)
    assert fit.trained(other)
    assert replace(fit, models=()).trained(one)  # a recording without numbers


def test_a_copy_of_what_a_training_left_is_meant_to_differ_from_before_it(trained_fit):
    before, after = call(1), call(3, kernel=OTHER)
    fits = [trained_fit(2)]
    copied, another = (call(4, model=2, kernel=kernel) for kernel in (OTHER, OTHER + 1))
    assert numbers(execution(before, after, copied, fits=fits)) == []
    assert (1, 4) in numbers(execution(before, after, another, fits=fits))


@pytest.mark.parametrize(
    ("batches", "rows", "held"),
    [
        # those of as many rows, which are compared later
        ([[0, 1], [2, 3, 4, 5], [6, 7, 8, 9]], 4, {1: 0.7, 2: 0.9}),
        ([[0, 1], [2, 3, 4, 5], [6, 7]], 4, {1: 0.7}),
        ([[0, 1, 2, 3], [0, 1, 2, 3], [3, 2, 1, 0]], 4, {2: 0.9}),  # fed again: the latest
        ([[0, 1], [2, 3, 4, 5], [6, 7, 8, 9]], 5, {}),
        ([[0, 1, 2, 3]], 4, {}),  # later steps were not recorded
    ],
)
def test_what_a_step_gave_is_held_against_evaluate_of_its_rows(trained_fit, batches, rows, held):
    fit = trained_fit(1)
    recipe = replace(
        fit.recipe,
        batch_size=replace(fit.recipe.batch_size, epochs=(np.array([*map(len, batches)]),)),
        data_order=replace(fit.recipe.data_order, epochs=(np.concatenate(batches),)),
    )
    fit = replace(fit, recipe=recipe, notes={"data": "train_on_batch"})
    steps = [[1, {"loss": 0.7}], [2, {"loss": 0.9}]]
    evaluated = call(2, "evaluate", x=X[:rows], values={"loss": 0.5})
    behind = replace(evaluated, notes={BEHIND_STEPS: {"fit": fit.index, "steps": steps}})
    found = disagreements(execution(behind, fits=(fit,)))
    found = [d for d in found if d.check == STEP_ROWS]
    assert {d.a.notes[STEP]: d.distance.a for d in found} == held
    assert {d.distance.b for d in found} <= {0.5}
