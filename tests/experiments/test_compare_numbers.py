import math
from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.replicas import Replica, Result
from whydiff.experiments.compare.numbers import (
    churn,
    collapsed,
    failures,
    pair_rows,
    probability,
    secondary,
    side,
    turned,
    warnings,
)
from whydiff.experiments.compare.pairing import Rule
from whydiff.testing.sides import a_side, changed, facts
from whydiff.testing.simulations import predicted

RULE, LOSS = Rule("accuracy", True), Rule("loss", False)
CLASSES = ({"classes": True}, {"classes": True})
NUMBERS = ({"classes": False}, {"classes": False})


def ended(number, accuracy, predictions=None, digest="", **more):
    logs = ({"accuracy": accuracy, "loss": 1 - accuracy, **more},)
    outputs = None if predictions is None else (np.asarray(predictions, np.float32),)
    return Result(Replica(number), "fused", logs, outputs, digest=digest)


def pairs_of(a, b, **more):
    return [(ended(0, x, **more), ended(1, y, **more)) for x, y in zip(a, b, strict=True)]


A, B = [0.5, 0.6, 0.7, 0.65, 0.55], [0.7, 0.8, 0.75, 0.9, 0.85]


def test_a_side_counts_its_diverged_runs_and_leaves_out_the_failed():
    runs = [ended(n, value) for n, value in enumerate(A)]
    runs += [ended(9, math.nan), Result(Replica(10), "solo", failure="no memory")]
    found = side("train.py", runs, RULE, {"noise": "none"}, "fused")
    assert found.mean.value == pytest.approx(np.mean(A)) and found.mean.n == 5
    assert found.diverged.value == pytest.approx(1 / 6) and found.diverged.n == 6
    assert found.engine == "fused" and found.kept == {"noise": "none"}


def test_runs_that_predict_the_same_for_every_example_collapsed():
    different, same = np.eye(3)[[0, 1, 2]], np.tile([0.2, 0.5, 0.3], (3, 1))
    assert collapsed(ended(0, 0.9, different)) is False
    assert collapsed(ended(0, 0.3, same)) is True
    assert collapsed(ended(0, 0.3, same * (1 + 1e-9 * np.arange(3)[:, None]))) is True
    for unknown in (ended(0, 0.3), ended(0, 0.3, same[:1]), ended(0, math.nan, same)):
        assert collapsed(unknown) is None
    runs = [ended(n, 0.9, different) for n in range(9)] + [ended(9, 0.3, same)]
    found = side("train.py", runs, RULE, {}, "fused")
    assert found.collapsed.value == pytest.approx(0.1) and found.mean.n == 10
    assert side("train.py", [ended(0, 0.9)], RULE, {}, "fused").collapsed is None


def test_failures_are_compared_as_rates():
    fine, broken = np.eye(3), np.tile([0.2, 0.5, 0.3], (3, 1))
    pairs = [(ended(0, 0.9, fine), ended(1, 0.9, fine))] * 6
    assert failures(pairs, RULE) is None
    pairs += [(ended(0, 0.9, fine), ended(1, 0.3, broken))] * 3
    pairs += [(ended(0, 0.9, fine), ended(1, math.nan))] * 3
    pairs.append((ended(0, 0.9), Result(Replica(1), "solo", failure="no memory")))
    found = failures(pairs, RULE)
    assert found.difference.value == 0.5 and found.difference.n == 12
    assert found.p == pytest.approx(2 / 2**6)
    assert found.difference.low < 0.5 < found.difference.high


def test_the_bounds_of_a_metric_go_by_its_name_and_its_values():
    pairs = pairs_of(A, B)
    assert RULE.test(pairs).bounds == (-1.0, 1.0)
    assert LOSS.test(pairs).bounds is None
    assert RULE.test(pairs_of([93.0], [94.0])).bounds is None  # in per cent
    with pytest.raises(WhydiffError, match="loss has no bounds"):
        replace(LOSS, assumption="bounded").look(pairs)
    look = replace(RULE, assumption="bounded").look(pairs)
    assert look.assumption == "bounded" and look.effect.low > -1 and look.verdict == "inconclusive"


def test_how_many_pairs_any_shape_would_take():
    pairs = pairs_of([0.5, 0.52, 0.51] * 4, [0.6, 0.6, 0.62] * 4)
    more = RULE.more_for_any_shape(pairs)
    assert RULE.look(pairs).verdict == "better" and more > 20
    bounded = replace(RULE, assumption="bounded")
    again = (pairs * 9)[: 12 + more]
    assert bounded.look(again).verdict == "better"
    assert LOSS.more_for_any_shape(pairs) is None


def test_runs_that_never_varied_are_not_told_without_doubt():
    found = side("train.py", [ended(n, 0.9) for n in range(5)], RULE, {}, "fused")
    share = 1 - 0.05 ** (1 / 5)
    assert found.mean.low == pytest.approx(0.9 - 0.9 * share) and found.sd.high > 0.5
    (loss,) = secondary(pairs_of([0.5] * 5, [0.5] * 5), ["loss"], 0.05)
    assert (loss.shift.low, loss.shift.high) == (-math.inf, math.inf)


def test_effects_have_the_sign_of_the_metric():
    pairs = pairs_of(A, B)
    for rule in (RULE, LOSS):
        look = rule.look(pairs)
        assert look.effect.value > 0  # better, whichever way the metric goes
        effect = turned(look.effect, rule)
        expected = np.mean([rule.value(b) - rule.value(a) for a, b in pairs])
        assert effect.value == pytest.approx(expected) and effect.low < effect.value < effect.high
        assert turned(effect, rule) == look.effect


def test_probability_is_that_of_being_better():
    pairs = pairs_of(A, B)
    above = np.mean([(y > x) + (y == x) / 2 for x in A for y in B])
    assert probability(pairs, RULE).value == pytest.approx(above)
    assert probability(pairs, LOSS).value == pytest.approx(above)
    worse = [*pairs, *pairs_of([0.2] * 5, [math.nan] * 5)]
    assert probability(worse, RULE).value < above
    assert math.isnan(probability([], RULE).value)
    assert probability(pairs_of([math.nan] * 3, [math.nan] * 3), RULE).value == 0.5


def outputs(labels):
    return np.eye(3)[labels]


def test_churn_by_class():
    rng = np.random.default_rng(0)
    a, b = predicted(rng, 10), predicted(rng, 10, taste=1.5)
    alike = [(ended(0, 0.5, outputs(x)), ended(1, 0.5, outputs(x))) for x in a]
    found = churn(alike, CLASSES, 0.05)
    assert found.measure == "classes" and found.examples == 150
    assert found.switched.value == 0 and found.p == 1
    assert found.excess.value == pytest.approx(0, abs=1e-12)
    other = [
        (ended(0, 0.5, outputs(x)), ended(1, 0.5, outputs(y))) for x, y in zip(a, b, strict=True)
    ]
    assert churn(other, CLASSES, 0.05).p < 0.01


def test_logits_are_cut_at_zero():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(6, 40, 1)) + 0.3
    facts = ({"classes": True, "logits": True}, {"classes": True, "logits": True})
    found = churn([(ended(0, 0.5, p), ended(1, 0.5, p)) for p in logits], facts, 0.05)
    labels = logits[..., 0] > 0
    expected = np.mean([np.mean(labels[i] != labels[j]) for i in range(6) for j in range(i)])
    assert found.within == pytest.approx(expected)


def test_churn_of_numbers_is_their_distance():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(8, 30, 2))
    found = churn([(ended(0, 0.5, p), ended(1, 0.5, p + 3)) for p in values], NUMBERS, 0.05)
    assert found.measure == "distance" and found.examples == 60
    assert found.switched.value == pytest.approx(3, rel=1e-5) and found.p < 0.02


def test_churn_where_predictions_cannot_be_compared():
    assert churn([], CLASSES, 0.05) is None
    assert churn(pairs_of(A, B), CLASSES, 0.05) is None
    odd = [(ended(0, 0.5, np.ones((4, 3))), ended(1, 0.5, np.ones((5, 3))))] * 3
    assert churn(odd, CLASSES, 0.05) is None
    diverged = [(ended(0, 0.5, np.ones((4, 1))), ended(1, 0.5, np.full((4, 1), math.nan)))] * 3
    assert churn(diverged, NUMBERS, 0.05) is None


def test_other_metrics_pay_for_their_number():
    rng = np.random.default_rng(3)
    pairs = [
        (ended(0, 0.5, auc=x, f1=rng.normal()), ended(1, 0.5, auc=x + 1, f1=rng.normal()))
        for x in rng.normal(size=12)
    ]
    found = {s.metric: s for s in secondary(pairs, ["auc", "f1"], 0.05)}
    assert found["auc"].shift.value == pytest.approx(1)
    assert found["auc"].p == 2 / 2**12 and found["auc"].adjusted == pytest.approx(4 / 2**12)
    assert found["f1"].adjusted >= found["f1"].p
    assert secondary(pairs, [], 0.05) == ()


def test_rows_keep_the_raw_numbers():
    pairs = [*pairs_of(A, A, digest="d"), (ended(0, 0.5, digest="x"), ended(1, 0.5, digest="y"))]
    pairs.append((replace(pairs[0][0], failure="no memory"), pairs[0][1]))
    rows = list(pair_rows(pairs, {n: {"noise": n} for n in range(7)}, RULE))
    assert [row.identical for row in rows] == [True] * 5 + [False, True]
    assert rows[3].seeds == {"noise": 3} and rows[3].a == A[3]
    assert rows[6].failure == "no memory" and math.isnan(rows[6].a)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"code:loss": "0" * 16}, False),  # bytecode, which another Python writes otherwise
        ({"loss.axis": -1, "loss.defaults": {"axis": -1}}, False),  # what a newer Keras adds
        ({"loss": "mean_absolute_error"}, True),
    ],
)
def test_only_another_loss_is_said_to_have_another_scale(settings, said):
    a, b = (
        changed(a_side(), version=facts(a_side(), "version", python=python))
        for python in ("3.10.1", "3.13.0")
    )
    a = changed(a, objective=facts(a, "objective", **{"code:loss": "1" * 16}))
    b = changed(b, objective=facts(a, "objective", **settings))
    assert any("another scale" in text for text in warnings(a, b, LOSS)) == said
