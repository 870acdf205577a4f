"""How far apart two final results are: which metric, how many predictions, which weights."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.digests import value_digests
from whydiff.core.errors import WhydiffError
from whydiff.core.recording import Epoch
from whydiff.diagnosis.gap import classifies, gap
from whydiff.diagnosis.trials import Trials
from whydiff.stats.intervals import proportion
from whydiff.testing.calls import call
from whydiff.testing.hybrids import compared, trained
from whydiff.testing.sides import a_recipe, a_side, changed, content, tensor

#: Two outputs of four samples in three classes: the last sample changes its class.
ONE = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1]])
TWO = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0.3, 0.6, 0.1]])


def logged(side, **logs):
    """A side that logged this at the end of its last epoch, and something else before."""
    epochs = (Epoch(0, 1, {"loss": 9.0, "accuracy": 0.0}), Epoch(1, 1, logs))
    return changed(side, fit={"epochs": epochs})


def sides(logs_a, logs_b, loss="mse", metrics=()):
    objective, measurement = {"loss": loss}, {"metrics": list(metrics)}
    one, other = (a_side(objective=objective, measurement=measurement) for _ in "ab")
    return compared(logged(one, **logs_a), logged(other, **logs_b))


def ended(predictions, weights=None):
    """A training that ended with these predictions, a list of outputs, and weights by path."""
    return replace(trained([0.0]), predictions=predictions, weights=weights or {})


def of(a, b, loss="mse", final=()):
    """The gap of two trainings that ended with ``a`` and ``b``."""
    pair = sides({"loss": 1.0}, {"loss": 2.0}, loss)
    if final:
        pair = replace(pair, a=changed(pair.a, fit={"final": final}))
    return gap(pair, Trials([], a, b), None)


# --- the metric ---------------------------------------------------------------------------------


def test_the_metric_that_was_compiled_is_told_with_both_last_values():
    pair = sides(
        {"loss": 1.0, "mae": 0.5, "accuracy": 0.7},
        {"loss": 2.0, "mae": 0.6, "accuracy": 0.8},
        metrics=["accuracy", "mae"],
    )
    found = gap(pair, None, None)
    assert (found["metric"], found["a"], found["b"]) == ("accuracy", 0.7, 0.8)
    found = gap(pair, None, "loss")
    assert (found["metric"], found["a"], found["b"]) == ("loss", 1.0, 2.0)


def test_a_metric_that_differs_comes_before_one_that_does_not():
    pair = sides({"loss": 1.0, "accuracy": 0.7}, {"loss": 2.0, "accuracy": 0.7})
    assert gap(pair, None, None)["metric"] == "loss"


def test_only_what_both_logged_is_told():
    pair = sides({"loss": 1.0, "accuracy": 0.7}, {"loss": 2.0, "auc": 0.8})
    assert gap(pair, None, None)["metric"] == "loss"
    with pytest.raises(WhydiffError, match="'accuracy' was not logged by both") as error:
        gap(pair, None, "accuracy")
    assert error.value.way_out == "Logged by both: loss."
    nothing = sides({"accuracy": 0.7}, {"auc": 0.8})
    with pytest.raises(WhydiffError) as error:
        gap(nothing, None, "accuracy")
    assert error.value.way_out == "Logged by both: nothing."


def test_a_fit_without_a_finished_epoch_has_no_values():
    one = sides({"loss": 1.0}, {"loss": 2.0})
    cut = replace(one, b=changed(one.b, fit={"epochs": ()}))
    found = gap(cut, None, None)
    assert (found["metric"], found["a"], found["b"]) == ("loss", 1.0, None)


def test_where_all_logs_agree_evaluate_tells_what_other_weights_give():
    def measured(side, value, line, **more):
        number = side.fit.call + 1
        after = call(number, "evaluate", line=line, values={"loss": 1.0, "accuracy": value}, **more)
        fit = replace(side.fit, models=(after.model_number,))
        execution = replace(side.execution, calls=(after,), fits=(fit,))
        return replace(side, execution=execution, fit=fit)

    pair = sides({"loss": 1.0}, {"loss": 1.0}, metrics=["accuracy"])
    best = changed(pair.a, fit={"final": (tensor("dense/kernel", np.ones((4, 7))),)})
    restored = replace(pair, a=measured(best, 0.9, 7), b=measured(pair.b, 0.8, 7))
    found = gap(restored, None, None)
    assert (found["metric"], found["a"], found["b"]) == ("accuracy", 0.9, 0.8)
    assert found["measured_by"] == 7
    others = [
        replace(restored, b=measured(pair.b, 0.9, 7)),
        replace(restored, b=measured(pair.b, 0.8, 7, x=np.ones((2, 3)))),
        replace(restored, b=pair.b),
        replace(restored, a=measured(pair.a, 0.9, 7)),
    ]
    for other in others:
        assert "measured_by" not in gap(other, None, None)
    assert gap(restored, None, "loss")["metric"] == "loss"


def test_without_hybrids_nothing_is_apart():
    found = gap(sides({"loss": 1.0}, {"loss": 1.0}), None, None)
    assert (found["predictions_differ"], found["relative_weight_distance"]) == (0.0, 0.0)
    assert "layers" not in found


# --- predictions --------------------------------------------------------------------------------


def test_a_classifier_has_a_share_of_other_classes_with_its_interval():
    found = of(ended([ONE]), ended([TWO]), "categorical_crossentropy")
    assert (found["predictions_differ"], found["samples"]) == (0.25, 4)
    estimate = proportion(1, 4)
    assert found["interval"] == [estimate.low, estimate.high]
    assert "prediction_distance" not in found


def test_no_interval_where_a_sample_has_several_answers_or_there_is_none():
    loss = "categorical_crossentropy"
    assert of(ended([ONE, ONE]), ended([TWO, TWO]), loss)["interval"] is None
    positions = np.stack([ONE, ONE])
    found = of(ended([positions]), ended([positions]), loss)
    assert (found["interval"], found["samples"]) == (None, 2)
    empty = np.zeros((0, 3))
    assert of(ended([empty]), ended([empty]), loss)["interval"] is None
    flat = np.array([0.2, 0.9])
    assert of(ended([flat]), ended([1 - flat]), "binary_crossentropy")["interval"] is not None


def test_a_regression_has_a_distance_in_the_units_of_its_target():
    one, two = np.array([[1.0], [2.0]]), np.array([[1.0], [5.0]])
    found = of(ended([one]), ended([two]))
    assert found["predictions_differ"] is None
    assert found["prediction_distance"] == pytest.approx(np.sqrt(9 / 2))
    assert found["samples"] == 2


def test_shares_are_of_the_logged_numbers_where_the_weights_agree():
    pair, same = (sides({"loss": 1.0}, {"loss": 2.0}) for _ in "ab")
    end = (tensor("dense/kernel", np.ones((4, 7))),)
    pair = replace(pair, a=changed(pair.a, fit={"final": end}))
    for both, what in ((pair, "predictions"), (same, "logged numbers")):
        assert gap(both, Trials([], ended([ONE]), ended([TWO])), None)["shares_of"] == what


def test_predictions_of_other_shapes_have_no_distance():
    found = of(ended([np.zeros((2, 1))]), ended([np.zeros((3, 1))]))
    assert found["prediction_distance"] is None


@pytest.mark.parametrize("missing", ["a", "b", "both"])
def test_predictions_that_are_not_known_are_not_equal(missing):
    a = ended(None if missing in ("a", "both") else [ONE])
    b = ended(None if missing in ("b", "both") else [TWO])
    found = of(a, b)
    assert found["predictions_differ"] is None
    assert "samples" not in found and "prediction_distance" not in found


def test_a_model_without_outputs_has_no_samples():
    assert of(ended([]), ended([]), "binary_crossentropy")["samples"] == 0


@pytest.mark.parametrize(
    ("loss", "predictions", "classes"),
    [
        ("sparse_categorical_crossentropy", [[3.0, -1.0]], True),
        ("BinaryFocalCrossentropy", [[3.0]], True),
        ("CategoricalHinge", [[3.0]], True),
        ("KLDivergence", [[3.0]], True),
        ("kl_divergence", [[3.0]], True),
        ("Dice", [[3.0]], True),
        ("mse", [[0.5]], False),
        ("mape", [[0.5]], False),
        ("msle", [[0.5]], False),
        ("MeanSquaredError", [[0.5]], False),
        ("mean_absolute_error", [[0.5]], False),
        ("Huber", [[0.5]], False),
        ("log_cosh", [[0.5]], False),
        ("Poisson", [[0.5]], False),
        ("my_loss", [[0.0, 1.0]], True),
        ("my_loss", [[0.5, 1.1]], False),
        ("my_loss", [[0.5, -0.1]], False),
        ({"a": "mse", "b": "binary_crossentropy"}, [[3.0]], True),
    ],
)
def test_what_classifies_is_told_by_the_loss_and_then_by_the_values(loss, predictions, classes):
    recipe = a_recipe(objective={"loss": loss})
    assert classifies(recipe, [np.array(predictions)]) is classes


LABELS = np.array([0, 1, 1, 0])
STARS = np.array([0.1, 0.5, 0.9, 0.5])
ROWS = np.random.default_rng(0).random((4, 3))
PIXELS = np.random.default_rng(0).random((4, 2, 2, 1))


@pytest.mark.parametrize(
    ("loss", "x", "y", "shape", "classes"),
    [
        ("binary_crossentropy", ROWS, LABELS, (4, 1), True),
        ("binary_crossentropy", ROWS, STARS, (4, 1), False),
        ("binary_crossentropy", ROWS, STARS, (4,), False),
        ("my_loss", ROWS, STARS, (4, 1), False),
        ("my_loss", ROWS, LABELS, (4, 1), True),
        ("my_loss", ROWS, LABELS, (4, 3), True),
        ("my_loss", ROWS, np.array([0, 1, 2, 1]), (4, 1), False),
        ("my_loss", ROWS, np.tile([[0.5, 0.5], [0.2, 0.8]], (2, 1)), (4, 2), False),
        ("binary_crossentropy", ROWS, np.eye(3)[LABELS], (4, 3), True),
        ("binary_crossentropy", ROWS, ROWS, (4, 3), False),
        ("sparse_categorical_crossentropy", ROWS, LABELS, (4, 3), True),
        ("categorical_crossentropy", ROWS, ROWS, (4, 3), True),
        ("binary_crossentropy", PIXELS, PIXELS.round(), (4, 2, 2, 1), False),
        ("binary_crossentropy", np.tile(PIXELS, 3), PIXELS.round(), (4, 2, 2, 1), True),
        (None, ROWS, None, (4, 3), False),
    ],
)
def test_targets_that_are_no_classes_make_predictions_numbers(loss, x, y, shape, classes):
    fed = {"x": x, "y": y} if y is not None else {"x": x}
    recipe = a_recipe(
        objective={"loss": loss},
        data_content=replace(
            content(range(4)),
            signature=tuple(f"{k}: {v.dtype} {v.shape[1:]}" for k, v in fed.items()),
            leaves=tuple(value_digests(v) for v in fed.values()),
        ),
    )
    assert classifies(recipe, [np.full(shape, 0.5)]) is classes


def test_all_outputs_must_be_probabilities_and_none_is_not():
    recipe = a_recipe(objective={"loss": None})
    shares, numbers, empty = np.array([[0.5]]), np.array([[5.0]]), np.zeros((0, 1))
    assert classifies(recipe, [shares, shares]) is True
    assert classifies(recipe, [shares, numbers]) is False
    assert classifies(recipe, [shares, empty]) is True
    assert classifies(recipe, [empty]) is False
    assert classifies(recipe, []) is False


# --- weights ------------------------------------------------------------------------------------

KERNEL, MOVING = "dense/kernel", "norm/moving_variance"
FINAL = (
    tensor(KERNEL, np.ones(2), "trainable"),
    tensor("dense/bias", np.ones(1), "trainable"),
    tensor(MOVING, np.ones(2), "non-trainable"),
)


def test_the_distance_is_that_of_what_is_trained():
    a = {KERNEL: np.array([3.0, 4.0]), "dense/bias": np.zeros(1), MOVING: np.array([900.0, 0.0])}
    b = {**a, KERNEL: np.array([3.0, 3.0]), MOVING: np.zeros(2)}
    found = of(ended([ONE], a), ended([ONE], b), final=FINAL)
    assert found["relative_weight_distance"] == pytest.approx(1 / 5)
    assert found["layers"] == {"dense": pytest.approx(1 / 5)}


def test_where_only_the_rest_differs_that_is_the_distance():
    a = {KERNEL: np.array([3.0, 4.0]), MOVING: np.array([2.0, 0.0])}
    b = {**a, MOVING: np.array([1.0, 0.0])}
    found = of(ended([ONE], a), ended([ONE], b), final=FINAL)
    assert found["relative_weight_distance"] == pytest.approx(1 / np.sqrt(29))
    assert found["layers"] == {"dense": 0.0, "norm": 0.5}


def test_where_no_trained_weight_is_known_all_are_compared():
    a, b = {"x": np.array([1.0, 0.0])}, {"x": np.array([1.0, 1.0])}
    found = of(ended([ONE], a), ended([ONE], b), final=FINAL)
    assert found["relative_weight_distance"] == pytest.approx(1 / np.sqrt(2))
    assert found["layers"] == {"x": pytest.approx(1 / np.sqrt(2))}
    more = of(ended([ONE], a), ended([ONE], {**b, KERNEL: np.ones(2)}), final=FINAL)
    assert (more["relative_weight_distance"], more["layers"]) == (
        found["relative_weight_distance"],
        found["layers"],
    )


@pytest.mark.parametrize(("a", "b"), [({}, {"x": np.ones(1)}), ({"x": np.ones(1)}, {}), ({}, {})])
def test_weights_that_are_not_known_have_no_distance(a, b):
    found = of(ended([ONE], a), ended([ONE], b))
    assert found["relative_weight_distance"] is None and "layers" not in found


def test_layers_that_only_one_has_are_left_out():
    a = {"one/kernel": np.ones(2), "one/bias": np.ones(1), "two/kernel": np.ones(2)}
    b = {"one/kernel": np.ones(2), "three/kernel": np.ones(2)}
    found = of(ended([ONE], a), ended([ONE], b))
    assert found["layers"] == {"one": 0.0}


def test_a_distance_that_no_number_can_tell_counts_as_all():
    a, b = {"x/k": np.ones(2), "y/k": np.zeros(1)}, {"x/k": np.ones(3), "y/k": np.ones(1)}
    found = of(ended([ONE], a), ended([ONE], b))
    assert found["layers"] == {"x": 1.0, "y": 1.0}
    a, b = {"x": np.ones(2)}, {"x": np.ones(3)}
    assert of(ended([ONE], a), ended([ONE], b))["relative_weight_distance"] == 1.0
