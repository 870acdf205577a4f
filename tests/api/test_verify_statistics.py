"""The level "statistical" from replicas that are given, so that its answers are known."""

from dataclasses import replace
from pathlib import Path

import pytest

from whydiff.api.verify import _with_statistics
from whydiff.core.lock import Replicas
from whydiff.core.verification import FAILS, HOLDS, UNKNOWN, FitCheck
from whydiff.experiments.lock.reference import reduced_lock
from whydiff.testing.sides import a_side

THEN = {
    "loss": (0.50, 0.52, 0.48, 0.51, 0.49, 0.50),
    "val_accuracy": (0.9, 0.91, 0.9, 0.89, 0.9, 0.9),
}
SEEDS = tuple(range(6))


def judged(now, metric="loss", margin=0.05, rounding=FAILS):
    side = a_side()
    lock = reduced_lock(side.execution, Path("train.py"), {}, side.execution.fits)
    lock = replace(lock, replicas={1: Replicas(SEEDS, THEN)})
    levels = {"bitwise": (FAILS, ""), "rounding": (rounding, ""), "statistical": (UNKNOWN, "")}
    check = FitCheck(1, "Sequential 'a'", levels, None, (), None, None, {})
    return _with_statistics(check, lock, {1: Replicas(SEEDS, now)}, metric, margin)


@pytest.mark.parametrize(
    ("shift", "margin", "state"),
    [(0.001, 0.05, HOLDS), (0.2, 0.05, FAILS), (0.001, 0.005, UNKNOWN), (0.0, None, HOLDS),
     (1.0, None, FAILS)],
)  # fmt: skip
def test_the_margin_decides(shift, margin, state):
    check = judged({"loss": tuple(v + shift for v in THEN["loss"])}, margin=margin)
    assert check.levels["statistical"][0] == state
    assert "n = 6 then and 6 now" in check.levels["statistical"][1]
    assert check.statistics.n == (6, 6) and check.statistics.a == THEN["loss"]


def test_a_validation_metric_is_taken_unless_one_is_named():
    assert judged(THEN, metric=None).statistics.metric == "val_accuracy"


def test_a_metric_that_not_all_replicas_logged_decides_nothing():
    check = judged({"val_accuracy": THEN["val_accuracy"]}, metric="loss")
    assert check.levels["statistical"][0] == UNKNOWN


def test_what_is_rounding_needs_no_statistics():
    assert judged(THEN, rounding=HOLDS).statistics is None
