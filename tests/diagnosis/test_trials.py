"""How often hybrids are trained: every training costs as much as one more run of the script."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.progress import Silent
from whydiff.diagnosis.moments import Moments
from whydiff.diagnosis.trials import run_trials
from whydiff.testing.hybrids import SimulatedTrainer, additive

NOTHING = frozenset()
BOTH = frozenset(["initialization", "data-order"])
MOMENTS = Moments("steps", (0.0, 1.0), ((-1, -1), (0, 0)), ((-1, -1), (0, 0)), frozenset([0, 1]))
# Neither is worth nearly all, so that none asks for a nudged training.
EFFECTS = {"initialization": (1.0, 0.0), "data-order": (0.0, 1.0)}


def trained(trainer, sources=tuple(EFFECTS)):
    trials = run_trials(trainer, sources, None, Silent(), MOMENTS)
    return trials, [coalition for coalition, _ in trainer.asked]


def test_a_and_b_are_looked_at_while_they_are_proven():
    trainer = SimulatedTrainer(tuple(EFFECTS), additive(EFFECTS))
    trials, asked = trained(trainer)
    assert len(asked) == len(set(asked)) == 4, "none is trained only to be looked at"
    assert trainer.looked_at == [NOTHING, BOTH], "mixtures are trained with nobody looking on"
    assert set(trials.looked) == {"a", "b"}
    assert trials.reproduces_a() and trials.reproduces_b()


class Counting(Silent):
    """What is announced: each step with how many trainings it takes, and how many it took."""

    def __init__(self):
        self.steps = []

    def step(self, text, total=None):
        self.steps.append([text, total, 0])

    def advance(self, n=1):
        self.steps[-1][-1] += n


def test_all_hybrids_are_announced_before_the_first_is_trained():
    effects = {**EFFECTS, "noise": (0.5, 0.5)}
    progress = Counting()
    run_trials(SimulatedTrainer(tuple(effects), additive(effects)), tuple(effects), None, progress)
    assert progress.steps == [
        ["training A again from its own fields", 1, 1],
        ["training hybrids of A and B", 7, 7],
    ]


def test_the_training_with_a_nudge_is_announced_too():
    progress = Counting()
    either = SimulatedTrainer(tuple(EFFECTS), lambda coalition: (float(bool(coalition)), 0.0))
    run_trials(either, tuple(EFFECTS), None, progress, MOMENTS)
    assert progress.steps[2:] == [["training A again from a start one ULP away", 1, 1]]
    assert len(either.asked) == sum(total for _, total, _ in progress.steps)


def test_hybrids_are_announced_anew_where_a_source_proves_not_to_be_transferable():
    progress = Counting()
    trainer = SimulatedTrainer(
        tuple(EFFECTS), additive(EFFECTS), refused={frozenset(["data-order"]): "no such order"}
    )
    run_trials(trainer, tuple(EFFECTS), None, progress)
    assert [step[1:] for step in progress.steps[1:]] == [[3, 2], [0, 0]]


class AlwaysOne(SimulatedTrainer):
    """Whatever the weights are, every prediction is 1: a softmax over one unit."""

    def train(self, *args, **kwargs):
        return replace(super().train(*args, **kwargs), predictions=[np.ones((4, 1))])

    def recall(self, side):
        return replace(super().recall(side), predictions=[np.ones((4, 1))])


def test_where_all_predict_the_same_shares_are_of_the_weights():
    effects = {"initialization": (3.0, 0.0), "data-order": (1.0, 0.0)}
    trials, _ = trained(AlwaysOne(tuple(effects), additive(effects)), tuple(effects))
    assert trials.measure == "weights"
    larger, smaller = (trials.worth(name)[0] for name in effects)
    assert larger > smaller > 0.2 and larger + smaller == pytest.approx(1.0)
    trials, _ = trained(SimulatedTrainer(tuple(effects), additive(effects)), tuple(effects))
    assert trials.measure == "predictions"


def test_one_source_is_two_trainings():
    trainer = SimulatedTrainer(["noise"], additive({"noise": (1.0, 0.0)}))
    _, asked = trained(trainer, ["noise"])
    assert asked == trainer.looked_at == [NOTHING, frozenset(["noise"])]


def test_a_proof_does_not_depend_on_looking():
    """Where looking on changes what a training ends with, it is trained again without."""
    trainer = SimulatedTrainer(tuple(EFFECTS), additive(EFFECTS), disturbed=1e-6)
    trials, asked = trained(trainer)
    assert trials.reproduces_a() and trials.reproduces_b()
    assert not trials.looked, "what was seen is the way of another training"
    assert [asked.count(c) for c in (NOTHING, BOTH)] == [2, 2] and len(asked) == 6


@pytest.mark.parametrize("disturbed", [0.0, 1e-6])
def test_a_control_that_fails_proves_nothing(disturbed):
    trainer = SimulatedTrainer(tuple(EFFECTS), additive(EFFECTS), a=(5.0, 5.0), disturbed=disturbed)
    trials, _ = trained(trainer)
    assert trials.control_failed and "a" not in trials.looked


def test_b_is_looked_at_where_a_source_proves_not_to_be_transferable():
    refused = {frozenset(["data-order"]): "no such order"}
    trainer = SimulatedTrainer(
        tuple(EFFECTS), additive(EFFECTS), b=additive(EFFECTS)(frozenset(["initialization"])),
        refused=refused,
    )  # fmt: skip
    trials, asked = trained(trainer)
    first = frozenset(["initialization"])
    assert asked.count(first) == 2 and trainer.looked_at == [NOTHING, first]
    assert set(trials.looked) == {"a", "b"}
