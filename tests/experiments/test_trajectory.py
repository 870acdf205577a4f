"""Looking at two trainings on their way: when, and that it changes nothing."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from whydiff.core.findings import Divergence
from whydiff.core.hybrids import Trajectory, TrajectoryPoint
from whydiff.core.progress import Silent
from whydiff.diagnosis.moments import MOST_MOMENTS, START, plan, spread
from whydiff.diagnosis.trials import run_trials
from whydiff.experiments.explain.hybrid_results import trace, zoom
from whydiff.testing.hybrids import SimulatedTrainer

ROOT = Path(__file__).parent.parent.parent


def fit(*steps, parameters=10):
    """A fit with so many steps in each epoch."""
    epochs = np.repeat(np.arange(len(steps)), steps)
    return SimpleNamespace(step_epochs=epochs, notes={"parameters": parameters})


def at(epoch, step, phase="update"):
    return Divergence(epoch, step, phase, "dense/kernel")


def test_a_short_training_is_looked_at_after_every_step():
    moments = plan(fit(3, 3), fit(3, 3), at(1, 0))
    assert moments.unit == "steps"
    assert moments.x == tuple(map(float, range(7)))
    assert moments.a == moments.b == (START, (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2))
    assert moments.divergence == 4.0
    assert moments.weighed == frozenset(range(7))


def test_a_long_training_is_looked_at_where_it_matters():
    moments = plan(fit(*[1000] * 5), fit(*[1000] * 5), at(2, 500))
    assert len(moments.x) <= MOST_MOMENTS
    assert set(range(20)) <= set(map(int, moments.x)), "small differences grow at the beginning"
    assert {2499.0, 2500.0, 2501.0, 2502.0} <= set(moments.x), "around the first divergence"
    assert moments.x[-1] == 5000.0
    gaps = np.diff(moments.x)
    assert gaps.max() < 100


def test_a_large_model_is_weighed_less_often_than_its_loss_is_read():
    large = fit(100, parameters=4 << 20)  # 16 MiB a moment
    moments = plan(large, large, at(0, 50))
    assert len(moments.x) == 101
    assert 2 <= len(moments.weighed) <= 8
    assert {0, 100} <= moments.weighed


def test_one_that_trained_longer_is_alone_in_the_end():
    moments = plan(fit(2, 2), fit(2), None)
    assert moments.a[-1] == (1, 1) and moments.b[-1] is None
    assert moments.divergence is None


def test_other_batch_sizes_are_compared_after_equal_parts_of_an_epoch():
    moments = plan(fit(4, 4), fit(2, 2), at(0, 0, "batch"))
    assert moments.unit == "epochs"
    assert moments.x == (0.0, 0.5, 1.0, 1.5, 2.0)
    assert moments.a == (START, (0, 1), (0, 3), (1, 1), (1, 3))
    assert moments.b == (START, (0, 0), (0, 1), (1, 0), (1, 1))
    assert moments.divergence == 0.25


def test_a_single_epoch_of_other_lengths_is_compared_by_parts():
    assert plan(fit(4), fit(2), None).unit == "epochs"
    assert plan(fit(4, 4), fit(4, 1), None).unit == "steps", "one that was stopped in its epoch"


@pytest.mark.parametrize(("phase", "place"), [("before training", 0.0), ("end", None)])
def test_where_they_part_before_and_after_the_steps(phase, place):
    assert plan(fit(3), fit(3), at(0, 0, phase)).divergence == place


@pytest.mark.parametrize("total", [0, 1, 2, 5, 1000])
@pytest.mark.parametrize("most", [2, 3, 50])
def test_a_selection_keeps_both_ends_and_its_limit(total, most):
    found = spread(total, most, total // 2)
    assert found == sorted(set(found)) and len(found) <= max(most, 2)
    assert total == 0 or {0, total - 1} <= set(found)


def test_what_was_kept_becomes_columns():
    moments = plan(fit(1, 1), fit(1), at(0, 0))

    def weights(value):
        return {"w": np.full(3, value, np.float32)}

    a = Trajectory(
        (
            TrajectoryPoint(*START, {}, weights(1.0)),
            TrajectoryPoint(0, 0, {"loss": 0.5}, weights(1.0)),
            TrajectoryPoint(1, 0, {"loss": 0.25}),
        )
    )
    b = Trajectory(
        (
            TrajectoryPoint(*START, {}, weights(1.0)),
            TrajectoryPoint(0, 0, {"loss": float("nan")}, weights(2.0)),
        )
    )
    told = trace(moments, a, b)
    assert told["a"] == [None, 0.5, 0.25]
    assert told["b"] == [None, None, None], "a loss that is no number is none"
    assert told["distance"] == [0.0, 0.5, None]
    assert told["epoch"] == [-1, 0, 1]
    assert told["divergence"] == 1.0


@pytest.mark.long
@pytest.mark.parametrize(
    "backend",
    ["torch", *(pytest.param(b, marks=pytest.mark.thorough) for b in ("jax", "tensorflow"))],
)
def test_the_way_leads_to_where_the_trainings_ended(tmp_path, backend):
    """Looking changes no bit: the hybrids that were looked at are A and B to the last one."""
    command = Path(sys.executable).with_name("whydiff")
    script = ROOT / "tests" / "scripts" / "drifting.py"
    done = subprocess.run(
        [command, "explain", script, "--no-fix", "--json", "answer.json", "--html", "page.html"],
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads((tmp_path / "answer.json").read_text())
    told = answer["evidence"]["trace"]
    assert answer["evidence"]["reproduces a"] and answer["evidence"]["reproduces b"]
    parted = told["x"].index(told["divergence"])
    assert set(told["distance"][:parted]) == {0.0}, "equal until they part"
    assert all(d > 0 for d in told["distance"][parted:])
    assert told["distance"][-1] == pytest.approx(answer["gap"]["relative_weight_distance"])
    for side in ("a", "b"):
        assert told[side][-1] == pytest.approx(answer["compared"][side]["logs"]["loss"], rel=1e-5)
    shown = answer["evidence"]["disagreements"]
    assert all(entry["a"] != entry["b"] and entry["picture"] for entry in shown)
    assert "<svg" not in (tmp_path / "page.html").read_text()[:2000]
    assert "Distance of the weights" in (tmp_path / "page.html").read_text()


class PartingAt(SimulatedTrainer):
    """B's weights are others from one moment on, or its loss is."""

    def __init__(self, moment, loss=False, **more):
        super().__init__(["noise"], lambda coalition: (float(bool(coalition)), 0.0), **more)
        self.moment, self.loss, self.until = moment, loss, []

    def train(self, coalition, until=None, moments=(), nudge=None, weights=True):
        made = super().train(coalition, until, moments, nudge, weights)
        if until is None:
            return made
        self.until.append((until, len(moments)))
        points = [self.point(coalition, (e, s)) for e, s, _ in moments]
        return replace(made, trace=Trajectory(tuple(points)))

    def point(self, coalition, moment):
        other = float(bool(coalition) and self.moment is not None and moment >= self.moment)
        loss = 0.5 + other * (self.loss or moment > (self.moment or moment))
        kernel = np.ones(2, np.float32) + np.float32(
            other and not (self.loss and moment == self.moment)
        )
        return TrajectoryPoint(*moment, {"loss": loss}, {"kernel": kernel})


def zoomed(trainer, point, parameters=10):
    trials = run_trials(trainer, ["noise"], None, Silent())
    trainer.until.clear()
    return zoom(point, trainer, trials, fit(300, 300, parameters=parameters))


@pytest.mark.parametrize("parameters", [10, 10**8])
@pytest.mark.parametrize("moment", [(0, 290), (0, 297), (1, 0), (1, 9), (1, 10)])
@pytest.mark.parametrize("loss", [True, False])
def test_the_step_is_found_among_those_that_were_not_digested(moment, loss, parameters):
    trainer = PartingAt(moment, loss)
    point = zoomed(trainer, replace(at(1, 10), since=(0, 290)), parameters)
    assert (point.epoch, point.step, point.since) == (*moment, None)
    assert (point.phase, point.where) == (("forward", "the loss") if loss else ("update", "kernel"))
    assert point.relative > 0
    few = parameters > 10  # of such weights no more than three fit at a time
    assert len(trainer.until) == 2 or few
    assert max(looked for _, looked in trainer.until) == (3 if few else 21)
    assert trainer.until[0][0] == (1, 10)


def test_a_batch_that_differs_stays_the_first_where_nothing_differed_before():
    fed = replace(at(1, 10, "batch"), where="the batch", since=(1, 3))
    assert zoomed(PartingAt(None), fed) == replace(fed, since=None)
    logged = replace(at(1, 10, "log"), since=(1, 3))
    assert zoomed(PartingAt(None), logged) == logged


def test_steps_stay_unknown_where_a_side_is_not_reproduced():
    point = replace(at(1, 10), since=(1, 3))
    trainer = PartingAt((1, 5), b=(9.0, 9.0))
    assert zoomed(trainer, point) == point and not trainer.until
