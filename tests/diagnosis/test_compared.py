"""Two sides compared: what follows from where their recipes and results differ."""

from dataclasses import replace

import pytest

from whydiff.testing.hybrids import compared
from whydiff.testing.sides import a_side, changed, shuffled, weights

A = a_side()


def beside(order, loss=0.0, more=(), ends=7):
    """A beside a run that was fed in another order or not, its last loss off by so much."""
    *first, last = A.fit.epochs
    logs = {**last.logs, "loss": last.logs["loss"] * (1 + loss), **dict(more)}
    fit = {"epochs": (*first, replace(last, logs=logs)), "final": weights(ends)}
    return compared(A, changed(A, fit=fit, data_order=shuffled(order)), "runs")


@pytest.mark.parametrize(
    ("given", "met"),
    [
        pytest.param({"order": 2}, True, id="other weights and equal numbers"),
        pytest.param({"order": 2, "loss": 2e-7}, True, id="rounded otherwise"),
        pytest.param({"order": 2, "loss": 1e-4}, False, id="another loss"),
        pytest.param({"order": 2, "more": {"auc": 0.5}}, False, id="another metric"),
        pytest.param({"order": 2, "loss": float("nan")}, False, id="one diverged"),
        pytest.param({"order": 1}, False, id="nothing that was chosen differs"),
    ],
)
def test_runs_meet_by_chance_where_they_differ_and_end_in_the_same_numbers(given, met):
    assert beside(**given).meets_by_chance is met


def test_without_logs_the_weights_tell():
    bare = changed(A, fit={"epochs": ()})
    for ends, met in ((101, True), (7, False)):
        other = changed(bare, fit={"final": weights(ends)}, data_order=shuffled(2))
        assert compared(bare, other, "runs").meets_by_chance is met
