"""Facts about optimizers and metrics that a model does not show by itself."""

import keras
import numpy as np
import pytest

from whydiff.diagnosis.sources.facts import changes
from whydiff.diagnosis.sources.measurement import compare
from whydiff.keras_backend.naming import Names
from whydiff.recorder.describe.model import architecture_facts
from whydiff.recorder.describe.recipe import shown
from whydiff.recorder.describe.training import (
    applied_only,
    measurement_facts,
    metric_state,
    optimizer_facts,
)
from whydiff.testing.sides import a_side


class Gan(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(1)

    def compile(self, d_optimizer, **arguments):
        super().compile(**arguments)
        self.d_optimizer = d_optimizer


def test_an_optimizer_that_compile_made_and_no_step_used_is_no_fact():
    model = Gan()
    model.compile(keras.optimizers.Adam(0.25))
    model.inner.build((None, 2))
    before = optimizer_facts(model)
    assert before["class"] == "RMSprop" and before["d_optimizer.class"] == "Adam"
    after = applied_only(before, model)
    assert "class" not in after and after["d_optimizer.learning_rate"] == 0.25
    model.optimizer.iterations.assign(3)
    assert applied_only(before, model) == before, "it was used, too"
    alone = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    alone.compile("sgd", "mse")
    facts = optimizer_facts(alone)
    assert applied_only(facts, alone) == facts


def test_metrics_that_the_model_does_not_list_yet_are_read_where_compile_was_given_them():
    kept = keras.metrics.Mean(name="kept")
    kept.update_state(3.0)
    listed = {"metrics": ["mae", {"out": [kept]}]}
    state = metric_state(object(), listed, lambda v: np.asarray(v))
    assert state["metric:kept.total"] == 3.0
    assert not any("mae" in key for key in state)
    assert metric_state(object(), {}, lambda v: np.asarray(v)) == {}


@pytest.mark.parametrize("begun", [False, True])
def test_what_a_callback_holds_while_it_works_is_no_setting(begun):
    """Releases of Keras differ in when they choose the function that compares two values."""
    callback = keras.callbacks.ReduceLROnPlateau(patience=1)
    callback.monitor_op = (lambda a, b: a < b) if begun else None
    assert "lambda" not in shown(callback) and "patience=1" in shown(callback)
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.5)
    assert "<lambda>:" in shown(schedule)


class Halved(keras.layers.Layer):
    def call(self, x):
        return x / 2


def test_what_a_newer_keras_lists_of_a_layer_without_a_constructor_equals_its_default():
    model = keras.Sequential([keras.Input((2,)), Halved(name="halved")])
    newer = architecture_facts(model, Names(model))
    key = "layer:halved:autocast"
    older = {k: v for k, v in newer.items() if k != key}
    assert key in newer and not changes(older, newer)
    assert [c.key for c in changes(older, {**newer, key: False})] == [key]


def hits(threshold):
    """A metric that closes over its threshold."""

    def hit_rate(y_true, y_pred):
        return keras.ops.mean(keras.ops.cast(y_pred > threshold, "float32"))

    return hit_rate


class Hits(keras.metrics.Metric):
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.last = LIMIT * y_pred

    def result(self):
        return self.last


LIMIT = 0.5


@pytest.mark.parametrize(
    "make", [hits, lambda t: keras.metrics.MeanMetricWrapper(hits(t), name="hits")]
)
def test_what_a_metric_reads_from_outside_is_told_by_its_name(make):
    one, other = (measurement_facts(None, {"metrics": [make(t)]}, {}) for t in (0.5, 0.3))
    told = compare(a_side(measurement=one), a_side(measurement=other))
    assert told.evidence.startswith("threshold (read from outside) of the metric ")
    assert told.evidence.endswith(": 0.5 vs. 0.3")


def test_the_code_of_a_metric_of_the_users_and_what_it_reads_are_its_rule(monkeypatch):
    one = measurement_facts(None, {"metrics": [Hits(name="hits")]}, {})
    monkeypatch.setitem(globals(), "LIMIT", 0.25)
    other = measurement_facts(None, {"metrics": [Hits(name="hits")]}, {})
    told = compare(a_side(measurement=one), a_side(measurement=other))
    assert told.evidence == "LIMIT (read from outside) of the metric Hits: 0.5 vs. 0.25"
    monkeypatch.setattr(Hits, "result", lambda self: 0.0)
    changed = measurement_facts(None, {"metrics": [Hits(name="hits")]}, {})
    told = compare(a_side(measurement=other), a_side(measurement=changed))
    assert told.evidence.startswith("metrics: Hits(") and told.evidence.endswith("with other code")


class Counts(keras.Model):
    def __init__(self, threshold=0.5):
        super().__init__()
        self.inner = keras.layers.Dense(1)
        self.threshold, self.scale = threshold, 2.0
        self.hits = keras.metrics.Mean(name="hits")

    def call(self, x):
        return self.inner(x) * self.scale

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.hits.update_state(y_pred > self.threshold)
        return {"hits": self.hits.result()}


def test_what_only_compute_metrics_reads_is_a_rule_of_measuring():
    models = [Counts(), Counts(0.3)]
    one, other = (measurement_facts(m, {}, {}) for m in models)
    assert [(c.key, c.a, c.b) for c in changes(one, other)] == [
        ("compute_metrics.threshold", 0.5, 0.3)
    ]
    for model in models:
        model.build((None, 2))
    one, other = (architecture_facts(m, Names(m)) for m in models)
    assert changes(one, other) == [] and one["layer:model:scale"] == 2.0


class Counted(keras.layers.Layer):
    made = 0
    scale = 2.0

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        Counted.made += 1
        self.rate = 0.1 * Counted.made

    def call(self, x):
        return x * self.rate * self.scale


def test_what_a_class_counts_is_named_with_the_class():
    models = [keras.Sequential([keras.Input((2,)), Counted(name="counted")]) for _ in range(2)]
    one, other = (architecture_facts(m, Names(m)) for m in models)
    assert {c.key for c in changes(one, other)} == {"layer:counted:rate"}
    assert one["layer:counted:Counted.made"] == 2 and one["layer:counted:scale"] == 2.0


class Summed(keras.layers.Layer):
    def __init__(self, scales=[], names={}, **kwargs):  # noqa: B006
        super().__init__(**kwargs)
        scales.append(0.5)
        self.factor = sum(scales)

    def call(self, x):
        return x * self.factor


def test_a_list_that_is_the_default_of_an_argument_is_named_with_the_class():
    facts = []
    for _ in range(2):
        model = keras.Sequential([keras.Input((2,)), Summed(name="summed")])
        facts.append(architecture_facts(model, Names(model)))
    key = "layer:summed:Summed.__init__'s default of scales"
    assert [one[key] for one in facts] == [[0.5], [0.5, 0.5]]
    assert not any("default of names" in key for key in facts[0])


@pytest.mark.parametrize("kind", [keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau])
def test_a_callback_that_is_used_again_is_set_as_it_was(kind):
    callback = kind(monitor="loss", min_delta=0.05)
    before = shown(callback)
    callback._set_monitor_op()
    assert callback.min_delta == -0.05 and shown(callback) == before
