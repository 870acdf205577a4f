"""The same samples in other batches, measured with models of a few weights."""

import keras
import numpy as np
import pytest
from keras import ops

from whydiff.core.feeding import TransferError
from whydiff.replay.calls.cuts import (
    measured_over,
    moved_by_answers,
    moved_by_weights,
)

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


class Centred(keras.layers.Layer):
    def call(self, x):
        return x - ops.mean(x, axis=0, keepdims=True)


def rmse(y_true, y_pred):
    return ops.sqrt(ops.mean(ops.square(y_pred - y_true)))


def compiled(*layers):
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[rmse, "mae"], weighted_metrics=[])
    return model


def cut(size, order=slice(None), weight=None):
    x, y = X[order], Y[order]
    parts = [x, y] if weight is None else [x, y, weight[order]]
    return [tuple(p[k : k + size] for p in parts) for k in range(0, len(x), size)]


def moved(model, theirs, own, metric):
    return measured_over(model, theirs)[metric] - measured_over(model, own)[metric]


def test_a_layer_that_mixes_samples_moves_every_metric_by_its_answers():
    model = compiled(Centred())
    for metric in ("loss", "mae"):  # means over samples, at equal answers
        whole = moved(model, cut(4), cut(24), metric)
        assert abs(whole) > 1e-3
        assert moved_by_answers(model, cut(4), cut(24), metric) == pytest.approx(whole, rel=1e-4)


def test_a_metric_of_each_batch_moves_by_itself():
    model = compiled()
    assert abs(moved(model, cut(4), cut(24), "rmse")) > 1e-3
    assert moved_by_answers(model, cut(4), cut(24), "rmse") == 0.0


def test_both_at_once_leave_a_part_each():
    model = compiled(Centred())
    whole = moved(model, cut(4), cut(24), "rmse")
    answers = moved_by_answers(model, cut(4), cut(24), "rmse")
    assert abs(answers) > 0 and abs(whole - answers) > 1e-3


def test_samples_are_found_in_any_order():
    model, order = compiled(Centred()), np.random.default_rng(1).permutation(24)
    model.layers[0].call = lambda x, **_: x * 1.0  # no sample depends on another one
    assert moved_by_answers(model, cut(4, order), cut(24), "loss") == 0.0
    other = cut(24)
    other[0] = (other[0][0] + 1.0, other[0][1])
    with pytest.raises(TransferError, match="not the same"):
        moved_by_answers(model, cut(4), other, "loss")


def test_an_answer_without_rows_is_not_compared():
    model = compiled()
    model.layers[-1].call = lambda x, **_: ops.sum(x)
    with pytest.raises(TransferError, match="row by row"):
        moved_by_answers(model, cut(4), cut(24), "loss")


def test_answers_that_are_others_each_time_say_nothing_of_the_batches():
    class Noisy(keras.layers.Layer):
        def call(self, x):
            return x + keras.random.normal(ops.shape(x), seed=self.generator)

    noisy = Noisy()
    noisy.generator = keras.random.SeedGenerator(3)
    with pytest.raises(TransferError, match="otherwise each time"):
        moved_by_answers(compiled(noisy), cut(4), cut(24), "loss")


def test_weights_of_the_samples():
    model, weight = compiled(), np.linspace(0, 2, 24).astype("float32")
    plain, weighted = cut(4), cut(4, weight=weight)
    by_weights = moved_by_weights(model, weighted, plain, "loss")
    assert by_weights == pytest.approx(moved(model, weighted, plain, "loss")) != 0.0
    assert moved_by_weights(model, plain, weighted, "loss") == pytest.approx(-by_weights)
    assert moved_by_weights(model, weighted, cut(24, weight=weight), "loss") == 0.0
    assert moved_by_weights(model, plain, cut(24), "loss") == 0.0
    assert moved_by_weights(model, weighted, cut(4, weight=weight**2), "loss") != 0.0
