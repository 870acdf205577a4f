"""What two calls first differ in, and what more is said of a cause."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.call_hybrids import Measurement
from whydiff.core.findings import CONFIRMED, Cause, Divergence
from whydiff.core.recipe import Tensor
from whydiff.diagnosis.calls.fields import compare
from whydiff.diagnosis.calls.results import OUTPUTS
from whydiff.diagnosis.calls.trials import CallTrials
from whydiff.diagnosis.calls.verdict import Verdict, first_divergence, named_more
from whydiff.diagnosis.mechanisms import mechanism
from whydiff.testing.calls import KERNEL, X, call

ONES = np.ones((16, 1), np.float32)


def first(a, b, trials=None):
    return first_divergence(a, b, compare(a, b), trials)


def trials(source, moved, other=2 * ONES, one=ONES, metric=OUTPUTS, **more):
    """Trials in which taking one source from B moves the outputs, or does not."""
    a, b = Measurement((one,)), Measurement((other,))
    known = {frozenset(): a, frozenset({source}): b if moved else a}
    return CallTrials(metric, a, b, [source], known, **more)


def test_weights_come_before_samples_and_both_before_outputs():
    a = call(1)
    both = call(2, kernel=2 * KERNEL, x=X + 1)
    assert first(a, both) == Divergence(0, 0, "weights", "dense/kernel")
    assert first(a, call(2, x=X + 1)) == Divergence(0, 0, "batch", "x")
    assert first(a, call(2)) == Divergence(0, 0, "output", "")
    named = replace(a, outputs=(replace(a.outputs[0], name="classes"),))
    assert first(named, call(2)) == Divergence(0, 0, "output", "classes")
    assert first(call(1, "evaluate"), call(2, "evaluate")) == Divergence(0, 0, "metric", "loss")


def test_the_first_weight_that_differs_is_named():
    a, b = call(1), call(2, kernel=2 * KERNEL)
    more = Tensor("a/bias", "trainable", (1,), "float32", "same")
    a, b = (
        replace(c, recipe=replace(c.recipe, weights=(more, *c.recipe.weights),
                                  origins=c.recipe.origins * 2))
        for c in (a, b)
    )  # fmt: skip
    assert first(a, b).where == "dense/kernel"


def test_noise_names_its_generator():
    assert first(call(1, noise="5"), call(2, noise="6")) == Divergence(
        0, 0, "noise", "dropout/seed"
    )


@pytest.mark.parametrize(("moved", "phase"), [(True, "weights"), (False, "output")])
def test_what_hybrids_show_to_change_nothing_is_passed_over(moved, phase):
    a, b = call(1), call(2, kernel=2 * KERNEL)
    point = first(
        a, b, trials("weights" if "weights" in differing(a, b) else "initialization", moved)
    )
    assert point.phase == phase
    assert first(a, b, trials("mode", True)).phase == "output"
    assert first(a, b, trials("mode", True, failure="lost")).phase == "weights"


@pytest.mark.parametrize(
    ("source", "other"),
    [("initialization", {"kernel": 2 * KERNEL}), ("data-order", {"x": X[::-1].copy()}),
     ("noise", {"noise": "6"})],
)  # fmt: skip
def test_how_far_results_are_apart_is_no_size_of_weights_samples_or_noise(source, other):
    point = first(call(1, noise="5"), call(2, **{"noise": "5", **other}), trials(source, True))
    assert point.phase in ("weights", "batch", "noise")
    assert (point.relative, point.max_ulp) == (None, None)


def differing(a, b):
    return {f.source for f in compare(a, b).findings if f.status == "differs"}


def test_how_far_the_outputs_are_apart():
    a, b = call(1), call(2)
    near = first(a, b, trials("mode", True, np.nextafter(ONES, 2, dtype=np.float32)))
    assert near.max_ulp == 1 and 0 < near.relative < 1e-6
    assert first(a, b, trials("mode", True)).relative == pytest.approx(0.5)
    nan = np.full_like(ONES, np.nan)
    assert first(a, b, trials("mode", True, nan)).max_ulp is None
    whole = ONES.astype(int)
    assert first(a, b, trials("mode", True, 2 * whole, whole)).max_ulp is None
    assert first(a, b, trials("mode", True, ONES[:3])).max_ulp is None
    assert first(a, b, trials("mode", True, ONES.astype(np.float64))).max_ulp is None


def test_a_metric_that_differs_is_named():
    a, b = call(1, "evaluate"), call(2, "evaluate")
    values = [Measurement((), {"auc": v}) for v in (1.0, 2.0)]
    point = first(a, b, CallTrials("auc", *values))
    assert point == Divergence(0, 0, "metric", "auc", None, 0.5)


def test_more_is_said_of_one_cause_alone():
    plain = {"status": CONFIRMED, "evidence": "e", "remedy": "r"}
    causes = (Cause("noise", "drawn", mechanism="old", **plain), Cause("mode", "", **plain))
    noise, mode = named_more(Verdict(causes), "noise", "twice").causes
    assert (noise.detail, noise.mechanism, noise.remedy) == ("drawn; twice", "old", "r")
    assert mode == causes[1]
    noise, mode = named_more(Verdict(causes), "mode", "in training", "training-flag").causes
    assert (mode.detail, mode.mechanism) == ("in training", "training-flag")
    assert mode.remedy == mechanism("training-flag").remedy and noise == causes[0]
