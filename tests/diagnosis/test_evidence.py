"""What an answer keeps of its two sides, and of the hybrids that were trained."""

import numpy as np

from whydiff.core.progress import Silent
from whydiff.diagnosis import evidence
from whydiff.diagnosis.evidence import hybrids, seeds, side_by_side
from whydiff.diagnosis.trials import run_trials
from whydiff.testing.hybrids import SimulatedTrainer, additive
from whydiff.testing.sides import a_side, changed, content, draw, facts, ledger, order


def fed(kept, side):
    return [part["order"] for part in kept["fed"] if part["side"] == side]


def test_orders_are_told_in_the_rows_of_a_where_both_hold_the_same_samples():
    a = a_side(data_content=content([5, 6, 7]), data_order=order([0, 1, 2], [2, 1, 0]))
    b = changed(a, data_content=content([7, 5, 6]), data_order=order([1, 2, 0], [0, 1, 2]))
    kept = side_by_side(a, b)["order"]
    assert kept["numbered alike"] and (kept["a epochs"], kept["b epochs"]) == (2, 2)
    assert kept["equal epochs"] == 1  # the first: the same samples from other rows
    assert fed(kept, "a") == [[0, 1, 2], [2, 1, 0]]
    assert fed(kept, "b") == [[0, 1, 2], [2, 0, 1]]


def test_samples_that_only_b_has_come_after_those_of_a():
    a = a_side(data_content=content([5, 6]), data_order=order([0, 1]))
    b = changed(a, data_content=content([9, 6, 8]), data_order=order([0, 1, 2]))
    kept = side_by_side(a, b)["order"]
    assert fed(kept, "b") == [[2, 1, 3]] and kept["equal epochs"] == 0


def test_orders_of_samples_that_none_shares_are_told_as_they_are():
    a = a_side(data_content=content([5, 6]), data_order=order([1, 0]))
    b = changed(a, data_content=content([8, 9]), data_order=order([0, 1], [1, 0], [0, 1]))
    kept = side_by_side(a, b)["order"]
    assert not kept["numbered alike"] and kept["equal epochs"] == 0
    assert fed(kept, "b") == [[0, 1], [1, 0]]  # of the first epochs only
    assert kept["b epochs"] == 3


def test_positions_that_were_not_identified_are_left_out():
    a = a_side(data_content=content([5, 6]), data_order=order([0, -1, 1]))
    b = changed(a, data_order=order([0, 1, 2]))
    kept = side_by_side(a, b)["order"]
    assert kept["equal epochs"] == 1 and fed(kept, "b") == [[0, 1]]


def test_a_long_epoch_keeps_every_nth_position():
    rows = list(range(401))
    a = a_side(data_content=content(rows), data_order=order(rows))
    (part, _) = side_by_side(a, a)["order"]["fed"]
    assert (part["samples"], part["every"]) == (401, 3) and part["order"][:3] == [0, 3, 6]
    short = a_side(data_content=content(rows[:400]), data_order=order(rows[:400], []))
    parts = side_by_side(short, short)["order"]["fed"]
    assert [p["every"] for p in parts] == [2, 1, 2, 1] and parts[0]["epoch"] == 0


def test_settings_stand_side_by_side_and_those_that_differ_come_first(monkeypatch):
    a = a_side()
    b = changed(a, duration=facts(a, "duration", epochs=9), version={"keras": "3.0"})
    rows = side_by_side(a, b)["settings"]
    assert {r["name"] for r in rows if r["a"] != r["b"]} == {"epochs", "keras", "python", "numpy",
                                                            "jax"}  # fmt: skip
    assert [r["a"] == r["b"] for r in rows] == sorted(r["a"] == r["b"] for r in rows)
    (row,) = (r for r in rows if r["name"] == "epochs")
    assert row == {"source": "duration", "name": "epochs", "a": 2, "b": 9}
    assert {"source": "version", "name": "jax", "a": "0.10.2", "b": None} in rows
    monkeypatch.setattr(evidence, "MOST_SETTINGS", 5)
    assert all(r["a"] != r["b"] for r in side_by_side(a, b)["settings"])


def test_equal_steps_are_counted_up_to_the_first_that_differs():
    a = a_side()
    digests = a.fit.steps.copy()
    digests[4, 2] += np.uint64(1)
    b = changed(a, fit={"steps": digests[:5]})
    assert side_by_side(a, b)["equal steps"] == {"equal": 4, "of": 5, "a": 6, "b": 5}
    assert side_by_side(a, a)["equal steps"] == {"equal": 6, "of": 6, "a": 6, "b": 6}
    assert side_by_side(a, changed(a, fit={"steps": digests[:0]}))["equal steps"]["equal"] == 0


def test_the_seeds_of_a_fit_are_those_of_its_own_model():
    a = a_side(execution={"ledger": ledger(draw("dense", 7), draw("other", 8, fit=2))})
    (row,) = seeds(a)
    assert (row["layer"], row["seed"], row["line"]) == ("dense", 7, 12)
    bare = a_side(execution={"ledger": ledger(draw("dense", 7, stack=()))})
    assert seeds(bare)[0]["line"] is None


def test_every_hybrid_is_kept_with_its_distance():
    effects = {"initialization": (1.0, 0.0), "data-order": (0.0, 1.0)}
    trainer = SimulatedTrainer(tuple(effects), additive(effects))
    trials = run_trials(trainer, tuple(effects), None, Silent())
    told = hybrids(trials, None)
    assert told["reproduces a"] and told["reproduces b"] and told["trace"] is None
    assert [row["from B"] for row in told["hybrids"]] == [
        [], ["data-order"], ["data-order", "initialization"], ["initialization"]
    ]  # fmt: skip
    nothing, order_alone, both, _ = (row["distance"] for row in told["hybrids"])
    assert nothing == 0 < order_alone < both
    assert hybrids(None, {"x": [0]}) == {}


def test_a_hybrid_that_diverged_is_kept_as_far_as_can_be():
    effects = {"initialization": (1.0, 0.0), "data-order": (np.inf, 1.0)}
    trainer = SimulatedTrainer(tuple(effects), additive(effects), b=(1.0, 3.0))
    told = hybrids(run_trials(trainer, tuple(effects), None, Silent()), None)
    assert all(np.isfinite(row["distance"]) for row in told["hybrids"])
