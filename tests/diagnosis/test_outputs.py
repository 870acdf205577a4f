"""Outputs on one scale: what a loss makes of logits, before two models are compared."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.hybrids import TrainedHybrid
from whydiff.diagnosis.notes import on
from whydiff.diagnosis.outputs import activations, as_probabilities
from whydiff.diagnosis.sources.layers import last_activation
from whydiff.diagnosis.trials import Trials
from whydiff.runner.hybrid_trainer import Prepared, ProcessHybridTrainer
from whydiff.stats.distances import churn, prediction_distance
from whydiff.testing.hybrids import compared, trained
from whydiff.testing.sides import a_recipe, a_side

SPARSE, BINARY = "sparse_categorical_crossentropy", "binary_crossentropy"
#: One row that is told apart at 0 as logits, at 0.5 as probabilities.
LOGITS = np.array([[0.2, -1.0], [3.0, 3.5]], "float32")


def ending(activation, logits, loss=SPARSE):
    facts = {**a_recipe().architecture, "layer:dense_1:activation": activation}
    return {"architecture": facts, "objective": {"loss": loss, "loss.from_logits": logits}}


@pytest.mark.parametrize(
    ("a", "b", "behind"),
    [
        (ending("linear", True), ending("softmax", False), {"a": "softmax"}),
        (ending("sigmoid", False, BINARY), ending("linear", True, BINARY), {"b": "sigmoid"}),
        (ending("linear", True), ending("linear", True), {"a": "softmax", "b": "softmax"}),
        # One model under two losses: the same numbers are read in the same way.
        (ending("linear", True), ending("linear", False), {"a": "softmax", "b": "softmax"}),
        (ending("softmax", True), ending("softmax", False), {}),
        (ending("linear", False), ending("softmax", False), {}),
        # Nobody knows that what the other gives are probabilities.
        (ending("linear", True), ending("relu", False), {}),
        (ending("linear", True, BINARY), ending("softmax", False), {}),
        # A regression, and a loss of which nothing is known.
        (ending("linear", True, "mse"), ending("sigmoid", False, "mse"), {}),
        ({"objective": {"loss": ["mse", SPARSE]}}, ending("linear", False), {}),
    ],
)
def test_logits_are_read_as_their_loss_reads_them(a, b, behind):
    assert activations(a_recipe(**a), a_recipe(**b)) == behind


def test_the_activation_of_the_last_layer():
    def facts(layer, **settings):
        return {"layers": ["in: Dense", layer], **settings}

    assert last_activation(facts("out: Dense", **{"layer:out:activation": "tanh"})) == "tanh"
    assert last_activation(facts("out: Softmax")) == "softmax"
    assert last_activation(facts("out: Flatten")) == ""
    assert last_activation({}) == ""


def test_equal_models_agree_though_only_one_ends_in_a_softmax():
    exact = np.exp(LOGITS.astype(float))
    softmax = (exact / exact.sum(-1, keepdims=True)).astype("float32")
    (told,) = as_probabilities([LOGITS], "softmax")
    assert told.dtype == LOGITS.dtype
    assert prediction_distance([told], [softmax]) < 1e-7
    assert as_probabilities([LOGITS], "")[0] is LOGITS


def test_a_logit_tells_its_class_at_0():
    one, other = np.array([[0.2], [-3.0]]), np.array([[0.7], [-2.0]])
    assert churn([one], [other]) == 0.5  # as if they were probabilities
    assert churn(*(as_probabilities([side], "sigmoid") for side in (one, other))) == 0.0


def test_extreme_logits_stay_probabilities():
    for activation in ("softmax", "sigmoid"):
        (told,) = as_probabilities([np.array([[1e4, -1e4], [0.0, 0.0]])], activation)
        assert np.isfinite(told).all() and told.min() >= 0 and told.max() <= 1
    (undefined,) = as_probabilities([np.array([[np.nan, 0.0]])], "softmax")
    assert np.isnan(undefined).all()


class Answering:
    """A process that has one model, of which it tells the raw outputs."""

    def request(self, message):
        return TrainedHybrid((), [LOGITS], {}, [{"loss": 1.0}])


def test_the_model_that_a_hybrid_takes_decides_how_its_outputs_are_read():
    trainer = ProcessHybridTrainer(
        {"a": Answering()}, frozenset(), Prepared(activations={"a": "softmax"})
    )
    as_a, as_b = trainer.recall("a"), trainer.recall("b")
    assert np.allclose(as_a.predictions[0].sum(-1), 1)
    assert as_b.predictions[0] is LOGITS
    assert np.allclose(trainer.train(frozenset(["objective"])).predictions[0].sum(-1), 1)
    assert trainer.train(frozenset(["architecture"])).predictions[0] is LOGITS


def test_a_note_says_where_only_one_model_ends_in_logits():
    def noted(a, b):
        sides = compared(a_side(**ending(*a)), a_side(**ending(*b)))
        told = Trials([], *(replace(trained([0.0]), predictions=[LOGITS]) for _ in "ab"))
        return " ".join(on(sides, told, ()))

    said = noted(("linear", True), ("softmax", False))
    assert "The outputs of A are logits" in said and "after a softmax" in said
    assert "logits" not in noted(("linear", True), ("linear", True))
