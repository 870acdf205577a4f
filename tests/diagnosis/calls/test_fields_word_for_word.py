"""What hybrids of two calls are worth, and what is said of the fields of the two calls."""

import math
from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.call_hybrids import Measurement
from whydiff.core.calls import GeneratorState, HeldValue, Leaf
from whydiff.core.digests import row_digests
from whydiff.core.findings import DIFFERS, IDENTICAL, Finding
from whydiff.core.recipe import Tensor
from whydiff.diagnosis.calls.fields.findings import compare_settings
from whydiff.diagnosis.calls.fields.held import held_values, values_in_words
from whydiff.diagnosis.calls.fields.measured import (
    compare_arithmetic,
    compare_weighting,
    compiled_otherwise,
    weighted_otherwise,
)
from whydiff.diagnosis.calls.fields.mode import compare_mode, compare_noise, training_flags
from whydiff.diagnosis.calls.results import OUTPUTS
from whydiff.diagnosis.calls.trials import CallTrials, differs_from
from whydiff.testing.calls import X, call

NAN = math.nan


def of(**values):
    return Measurement((), values)


def outputs(*arrays):
    return Measurement(tuple(np.asarray(a, np.float32) for a in arrays))


def hybrids(metric, a, b, **made):
    """Trials of the sources x and y; a hybrid is named by what it takes from B: "", x, y, xy."""
    known = {frozenset(name.strip("_")): m for name, m in made.items()}
    return CallTrials(metric, a, b, ["x", "y"], known)


METRIC = hybrids(
    "loss", of(loss=1.0), of(loss=2.0),
    _=of(loss=1.0), x=of(loss=1.25), y=of(loss=1.5), xy=of(loss=2.0),
)  # fmt: skip


def test_hybrids_of_a_metric_are_worth_signed_parts_of_the_gap():
    assert METRIC.whole == 1.0 and METRIC.value(of(loss=0.5)) == -0.5
    assert math.isnan(METRIC.value(of()))
    assert METRIC.shares() == pytest.approx({"x": 0.375, "y": 0.625})
    assert (METRIC.alone("x"), METRIC.alone("y")) == (0.25, 0.5)
    assert (METRIC.remaining("x"), METRIC.remaining("y")) == (0.5, 0.25)
    assert METRIC.unexplained() == (0.0, True)
    assert METRIC.effect("x") == pytest.approx(0.25) and METRIC.effect("z") == 0.0
    assert METRIC.acts("x") and not METRIC.acts("z") and METRIC.rounds("z")
    assert not METRIC.rounds("x")


def test_shares_need_each_source_alone_and_all_but_each():
    for lost in ("", "x", "y", "xy"):
        known = {c: m for c, m in METRIC.hybrids.items() if c != frozenset(lost)}
        assert replace(METRIC, hybrids=known).shares() == {}
    assert replace(METRIC, b=of(loss=1.0)).shares() == {}
    lone = replace(METRIC, hybrids={})
    assert lone.alone("x") is lone.remaining("x") is None and lone.unexplained() == (1.0, False)
    assert replace(METRIC, b=of(loss=1.0)).alone("x") is None


def test_what_all_swaps_together_leave():
    part, rounding = replace(METRIC, b=of(loss=3.0)).unexplained()
    assert part == pytest.approx(0.5) and not rounding
    assert replace(METRIC, b=of(loss=1.1)).unexplained()[0] == 1.0  # never more than all
    almost = replace(METRIC, b=of(loss=2.0 + 1e-6)).unexplained()
    assert almost[1] and 0 < almost[0] < 1e-5
    gone = hybrids(OUTPUTS, outputs([0.0]), outputs([2.0]), xy=outputs([1.0]))
    assert gone.unexplained() == (pytest.approx(0.5), False)
    shapeless = hybrids(OUTPUTS, outputs([0.0]), outputs([2.0]), xy=outputs([1.0, 2.0]))
    assert shapeless.unexplained() == (1.0, False)


def test_numbers_are_apart_by_the_larger():
    def apart(x, y):
        return METRIC.apart(of(loss=x), of(loss=y))

    assert apart(1.0, 1.0) == apart(NAN, NAN) == (0.0, True)
    assert apart(1.0, 4.0) == apart(4.0, 1.0) == (0.75, False)
    assert apart(-1.0, 1.0) == (2.0, False) and apart(math.inf, 1.0) == (1.0, False)
    assert apart(1.0, 1.0 + 1e-7)[1]


def test_outputs_are_apart_by_the_larger_and_by_their_finest_type():
    trials = hybrids(OUTPUTS, outputs([0.0, 0.0]), outputs([3.0, 4.0]))
    assert trials.whole == pytest.approx(math.sqrt(12.5))
    assert trials.apart(outputs([3.0]), outputs([4.0])) == (0.25, False)
    assert trials.apart(outputs([3.0]), outputs([3.0])) == (0.0, True)
    assert trials.apart(outputs([3.0]), outputs([3.0, 1.0])) == (1.0, False)
    # outputs of another shape count as being as far off as B
    assert trials.value(outputs([1.0])) == trials.whole
    other = hybrids(OUTPUTS, outputs([0.0]), outputs([1.0, 2.0]))
    assert other.value(outputs([1.0, 2.0])) == 1.0
    half = Measurement((np.array([1.0, 1.001], np.float16),))
    assert trials.apart(half, Measurement((np.array([1.0, 1.002], np.float16),)))[1]
    whole = Measurement((np.array([1, 2]),)), Measurement((np.array([1, 3]),))
    assert not trials.apart(*whole)[1]


@pytest.mark.parametrize(
    ("made", "text"),
    [(outputs(), "0 outputs instead of 1"), (outputs(np.ones((16, 2))), "shape (16, 2) instead of "
      "(16, 1)"), (outputs(np.ones((16, 1))), "other bits in the outputs")],
)  # fmt: skip
def test_a_call_that_runs_again_otherwise(made, text):
    assert differs_from(made, call(1)) == text
    assert differs_from(outputs(call(1).outputs[0].values), call(1)) == ""
    assert differs_from(made, call(1, "built")) == ""


def test_an_evaluate_that_gives_other_numbers_again():
    one = call(1, "evaluate", values={"loss": 0.5, "auc": NAN})
    assert differs_from(of(loss=0.5, auc=NAN), one) == ""
    assert differs_from(of(loss=0.25, auc=NAN), one) == "loss 0.25 instead of 0.5"
    assert differs_from(of(loss=0.5, auc=1.0), one) == "auc 1.0 instead of nan"
    assert differs_from(of(loss=0.5), one) == "auc None instead of nan"
    scalar = replace(call(1), outputs=(replace(call(1).outputs[0], shape=(), rows=np.zeros((0, 2)),
                                               values=np.float32(1.0)),))  # fmt: skip
    assert differs_from(Measurement((np.float32(1.0),)), scalar) == ""
    assert differs_from(Measurement((np.float32(2.0),)), scalar) == "other bits in the outputs"


# --- how calls ran -------------------------------------------------------------------------------


def moding(kind="call", line=5, architecture=None, **mode):
    return call(line, kind, mode=mode, architecture=architecture)


LAYERS = {"layers": ["drop: Dropout", "dense: Dense", "norm: BatchNormalization", "own: Mine"]}


def test_the_flag_of_every_layer():
    assert training_flags(moding()) == {"training": False}
    assert training_flags(moding(training=True)) == {"training": True}
    assert training_flags(moding("predict", training=True)) == {"training": False}
    seen = moding(**{"training:drop": [False, True], "training:dense": 0, "baked:x": True})
    assert training_flags(seen) == {"training:drop": True, "training:dense": False}


def test_modes_that_agree_name_the_layers_in_training():
    one = moding(**{"training:drop": True, "training:dense": False})
    assert compare_mode(one, one).evidence == "training behaviour in drop in both"
    assert compare_mode(moding(), moding()).evidence == "every layer in inference in both"


def test_modes_that_differ_name_the_layers_that_training_changes():
    flags = {"training:drop": True, "training:dense": True, "training:norm": True}
    a = moding(architecture=LAYERS, training=True, **flags)
    off = dict.fromkeys(flags, False)
    b = moding("predict", 9, LAYERS, **off)
    finding = compare_mode(a, b)
    assert finding.detail == (
        "model(x, training=True) (line 5): drop and norm in training vs. predict (line 9): "
        "inference"
    )
    assert finding.evidence.startswith("drop and norm: ") and finding.mechanism == "training-flag"
    own = {**LAYERS, "code:own": "ab"}
    mine = compare_mode(moding(architecture=own, **{"training:own": True}),
                        moding(architecture=own, **{"training:own": False}))  # fmt: skip
    assert mine.evidence.startswith("own: ") and mine.mechanism == "training-by-default"
    baked = compare_mode(
        moding(**{"training:x": True, "baked:x": True}), moding(**{"training:x": False})
    )
    assert baked.mechanism == "training-baked-in"
    asked = compare_mode(moding(training=False, **{"training:x": True}),
                         moding(training=True, **{"training:x": False}))  # fmt: skip
    assert asked.mechanism == "training-flag"


def drawing(before, after, noise="", name="numpy", **more):
    generators = (GeneratorState(name, before, after, **more),)
    return replace(call(1, noise=noise), recipe=replace(call(1, noise=noise).recipe,
                                                        generators=generators))  # fmt: skip


def test_generators_in_the_same_state():
    assert compare_noise(call(1, noise="5"), call(2, noise="5")).evidence == (
        "the seed generator in the same state"
    )
    assert compare_noise(call(1), call(2)).evidence == (
        "no seed generator in the model, and no global generator moved"
    )
    still = drawing("1", "1"), drawing("2", "2")
    assert compare_noise(*still).status == IDENTICAL, "nobody drew from it"
    same = drawing("1", "2"), drawing("1", "2")
    assert compare_noise(*same).status == IDENTICAL
    loader = drawing("1", "2", by_loader=True), drawing("3", "4", by_loader=True)
    assert compare_noise(*loader).status == IDENTICAL


def test_generators_that_moved_on():
    finding = compare_noise(call(1, noise="5"), call(2, noise="6"))
    assert finding.mechanism == "noise-at-inference"
    assert finding.detail == (
        "the model's seed generators (of dropout) have moved on: every call draws other numbers"
    )
    outside = compare_noise(drawing("1", "2"), drawing("3", "4"))
    assert (outside.mechanism, outside.evidence) == (
        "unseeded-noise", "the call draws from the global generator of numpy"
    )  # fmt: skip
    in_one = compare_noise(drawing("1", "2"), drawing("3", "3"))
    assert in_one.mechanism == "unseeded-noise"


def test_operations_that_draw_on_in_a_compiled_function():
    def side(*digests):
        noise = tuple(
            Tensor(f"op{i}", "operation seed", (2,), "int64", d) for i, d in enumerate(digests)
        )
        return replace(call(1), recipe=replace(call(1).recipe, noise=noise))

    finding = compare_noise(side("1"), side("2"))
    assert (finding.mechanism, finding.evidence) == (
        "unseeded-noise", "the compiled function draws with op0"
    )  # fmt: skip
    assert compare_noise(side(), side("2")).evidence.endswith("draws with op0")
    assert compare_noise(side("1"), side("1")).status == IDENTICAL


# --- values beside the weights -------------------------------------------------------------------


def holding(*values):
    return call(1, state=values)


def held(name, digest, value=None, kind="attribute", **more):
    return HeldValue(name, kind, "layer", digest, value, **more)


def test_values_that_differ_by_the_source_that_they_belong_to():
    kinds = {"attribute": "state", "global": "architecture", "closure": "architecture",
             "setting": "setting", "vocabulary": "data-content"}  # fmt: skip
    a, b = (holding(*(held(k, d, kind=k) for k in kinds)) for d in "12")
    found = held_values(a, b)
    assert {h.kind: source for source, hs in found.items() for h in hs} == kinds
    assert held_values(a, a) == {} and held_values(a, holding()) == {}
    recurrent = [holding(held("r", d, kind="recurrent state")) for d in "12"]
    assert list(held_values(*recurrent)) == ["state"]
    among_weights = [
        replace(
            one,
            recipe=replace(
                one.recipe, weights=(Tensor("lstm/states_0", "hidden", (1,), "float32", "d"),)
            ),
        )
        for one in recurrent
    ]
    assert held_values(*among_weights) == {}
    stale = holding(held("g", "1", kind="global", traced="0"))
    assert list(held_values(stale, holding(held("g", "1", kind="global")))) == ["state"]
    assert list(held_values(holding(held("g", "1", kind="global")), stale)) == ["state"]
    assert list(held_values(holding(held("g", "0", kind="global")), stale)) == ["state"]


def test_values_are_told_with_their_counterparts():
    a = holding(*(held(n, "1", v) for n, v in (("a", 1), ("b", None), ("c", "x" * 41), ("d", 4))))
    b = holding(*(held(n, "2", v) for n, v in (("a", 2), ("b", None), ("c", "y"), ("d", 5))))
    assert values_in_words(a.recipe.state, b) == (f"a: 1 vs. 2; b differs; c: {'x' * 39}… vs. y")
    old = held("a", "1", 1, traced="0", traced_value=0)
    assert values_in_words([old], b) == "a: 0 vs. 2"


# --- how calls are measured and computed ---------------------------------------------------------


def weighing(*weights, kind="evaluate"):
    one = call(1, kind, values={"loss": 1.0})
    if not weights:
        return one
    rows = row_digests([np.asarray(weights, np.float32)])
    inputs = one.recipe.inputs
    leaf = Leaf("weight", "", "float32", (), rows)
    return replace(
        one, recipe=replace(one.recipe, inputs=replace(inputs, leaves=(*inputs.leaves, leaf)))
    )


def test_sample_weights():
    none, some, other = weighing(), weighing(1.0, 2.0), weighing(2.0, 2.0)
    assert weighted_otherwise(none, some) and weighted_otherwise(some, other)
    assert not weighted_otherwise(some, some) and not weighted_otherwise(none, none)
    assert not weighted_otherwise(none, weighing(1.0, kind="predict"))
    assert not weighted_otherwise(weighing(1.0, kind="predict"), none)
    same = Finding("measurement", IDENTICAL, "x")
    assert compare_weighting(some, other, same).evidence == "other sample weights"
    assert compare_weighting(some, none, same).evidence == (
        "A weights the samples, the other counts each once"
    )
    before = Finding("measurement", DIFFERS, "metrics: a vs. b")
    assert compare_weighting(none, some, before).evidence == (
        "B weights the samples, the other counts each once; metrics: a vs. b"
    )


def computing(kind="predict", arithmetic=None, **mode):
    one = call(1, kind, mode=mode)
    return replace(one, recipe=replace(one.recipe, arithmetic=arithmetic or {}))


def test_how_calls_are_computed():
    assert compare_arithmetic(computing(), computing()).evidence == (
        "computed as one compiled function in both"
    )
    ways = compare_arithmetic(computing(), computing(eager=True))
    assert (ways.mechanism, ways.evidence) == (
        "eager-or-compiled", "as one compiled function vs. operation by operation"
    )  # fmt: skip
    unknown = compare_arithmetic(computing(eager=None), computing("built", eager=None))
    assert unknown.evidence == "as one compiled function vs. operation by operation"
    settings = compare_arithmetic(
        computing(arithmetic={"jit": 1}), computing(arithmetic={"jit": 2})
    )
    assert (settings.status, settings.evidence) == (DIFFERS, "jit: 1 vs. 2")


def test_metrics_that_are_compiled_otherwise():
    def side(kind, metrics):
        one = call(1, kind, x=X)
        return replace(one, recipe=replace(one.recipe, measurement={"metrics": metrics}))

    a, b = side("evaluate", ["acc"]), side("evaluate", ["auc"])
    assert compiled_otherwise(a, b) and not compiled_otherwise(a, a)
    assert not compiled_otherwise(a, side("predict", ["auc"]))


@pytest.mark.parametrize(
    ("kinds", "settings", "said"),
    [
        ("evaluate evaluate", ({}, {}), (IDENTICAL, "neither call has settings of its own")),
        ("evaluate evaluate", ({"loss": "mse"}, {"loss": "mae"}), (DIFFERS, "loss: mse vs. mae")),
        ("evaluate evaluate", ({"loss": "mse"}, {}), (DIFFERS, "loss: mse vs. not set")),
        (
            "evaluate predict", ({"loss": "mse"}, {"loss": "mae"}),
            (IDENTICAL, "no metric takes part in what is compared"),
        ),
    ],
)  # fmt: skip
def test_settings_of_what_is_measured(kinds, settings, said):
    sides = (call(n, kind) for n, kind in enumerate(kinds.split(), 1))
    a, b = (
        replace(one, recipe=replace(one.recipe, objective=facts))
        for one, facts in zip(sides, settings, strict=True)
    )
    found = compare_settings("objective", a, b, "settings")
    assert (found.status, found.evidence) == said
