"""How often hybrids are trained: every training costs as much as one more run of the script."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.progress import Silent
from whydiff.diagnosis.moments import Moments
from whydiff.diagnosis.trials import Trials, _train_all, run_trials
from whydiff.testing.hybrids import SimulatedTrainer, additive, trained

NOTHING = frozenset()
BOTH = frozenset(["initialization", "data-order"])
MOMENTS = Moments("steps", (0.0, 1.0), ((-1, -1), (0, 0)), ((-1, -1), (0, 0)), frozenset([0, 1]))
# Neither is worth nearly all, so that none asks for a nudged training.
EFFECTS = {"initialization": (1.0, 0.0), "data-order": (0.0, 1.0)}


def run(trainer, sources=tuple(EFFECTS)):
    trials = run_trials(trainer, sources, None, Silent(), MOMENTS)
    return trials, [coalition for coalition, _ in trainer.asked]


def test_a_and_b_are_looked_at_while_they_are_proven():
    trainer = SimulatedTrainer(tuple(EFFECTS), additive(EFFECTS))
    trials, asked = run(trainer)
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


class Telling(Silent):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


class Slow(SimulatedTrainer):
    """Every training takes so many seconds."""

    seconds = 60.0

    def train(self, *args, **kwargs):
        return replace(super().train(*args, **kwargs), seconds=self.seconds)


def test_who_waits_for_long_is_told_what_the_first_hybrids_show():
    effects = {"initialization": (0.3, 0.0), "data-order": (0.0, 1.0)}
    progress = Telling()
    run_trials(Slow(tuple(effects), additive(effects)), tuple(effects), None, progress)
    assert progress.notes == [
        "so far, taken from B alone: the initial weights 29 % of the gap",
        "so far, taken from B alone: the order of the samples 96 % and the initial weights 29 % "
        "of the gap",
    ]


def test_nothing_is_told_early_where_the_answer_comes_soon_or_a_was_not_reproduced():
    progress = Telling()
    soon = Slow(tuple(EFFECTS), additive(EFFECTS))
    soon.seconds = 1.0
    run_trials(soon, tuple(EFFECTS), None, progress)
    run_trials(
        Slow(tuple(EFFECTS), additive(EFFECTS), a=(5.0, 5.0)), tuple(EFFECTS), None, progress
    )
    assert progress.notes == []


class AlwaysOne(SimulatedTrainer):
    """Whatever the weights are, every prediction is 1: a softmax over one unit."""

    def train(self, *args, **kwargs):
        return replace(super().train(*args, **kwargs), predictions=[np.ones((4, 1))])

    def recall(self, side):
        return replace(super().recall(side), predictions=[np.ones((4, 1))])


def test_where_all_predict_the_same_shares_are_of_the_weights():
    effects = {"initialization": (3.0, 0.0), "data-order": (1.0, 0.0)}
    trials, _ = run(AlwaysOne(tuple(effects), additive(effects)), tuple(effects))
    assert trials.measure == "weights"
    larger, smaller = (trials.worth(name)[0] for name in effects)
    assert larger > smaller > 0.2 and larger + smaller == pytest.approx(1.0)
    trials, _ = run(SimulatedTrainer(tuple(effects), additive(effects)), tuple(effects))
    assert trials.measure == "predictions"


def test_one_source_is_two_trainings():
    trainer = SimulatedTrainer(["noise"], additive({"noise": (1.0, 0.0)}))
    _, asked = run(trainer, ["noise"])
    assert asked == trainer.looked_at == [NOTHING, frozenset(["noise"])]


def test_a_proof_does_not_depend_on_looking():
    """Where looking on changes what a training ends with, it is trained again without."""
    trainer = SimulatedTrainer(tuple(EFFECTS), additive(EFFECTS), disturbed=1e-6)
    trials, asked = run(trainer)
    assert trials.reproduces_a() and trials.reproduces_b()
    assert not trials.looked, "what was seen is the way of another training"
    assert [asked.count(c) for c in (NOTHING, BOTH)] == [2, 2] and len(asked) == 6


@pytest.mark.parametrize("disturbed", [0.0, 1e-6])
def test_a_control_that_fails_proves_nothing(disturbed):
    trainer = SimulatedTrainer(tuple(EFFECTS), additive(EFFECTS), a=(5.0, 5.0), disturbed=disturbed)
    trials, _ = run(trainer)
    assert trials.control_failed and "a" not in trials.looked


def test_b_is_looked_at_where_a_source_proves_not_to_be_transferable():
    refused = {frozenset(["data-order"]): "no such order"}
    trainer = SimulatedTrainer(
        tuple(EFFECTS), additive(EFFECTS), b=additive(EFFECTS)(frozenset(["initialization"])),
        refused=refused,
    )  # fmt: skip
    trials, asked = run(trainer)
    first = frozenset(["initialization"])
    assert asked.count(first) == 2 and trainer.looked_at == [NOTHING, first]
    assert set(trials.looked) == {"a", "b"}


def known(a, b, **hybrids):
    """Trials of which each hybrid, named by the first letters of its sources, ended so."""
    names = {"v": "version", "h": "hardware", "i": "initialization"}
    sources = sorted({names[letter] for name in hybrids for letter in name.strip("_")})
    made = {frozenset(names[one] for one in name.strip("_")): h for name, h in hybrids.items()}
    return Trials(sources, a, b, hybrids=made)


@pytest.mark.parametrize("predicted", [True, False])
@pytest.mark.parametrize(
    ("moved", "nudged", "rounds"),
    [
        (1e-7, 2e-8, True),  # ten times what one ULP does is no more than rounding
        (1e-7, 9e-9, False),
        (1e-16, 0.0, True),  # the last place of what it ends with
        (2e-3, 1.0, False),  # a difference that shows is none, whatever an ULP grows to
        (0.0, 1.0, False),  # it changes no bit
        (1e-7, None, False),  # nobody measured what an ULP does
    ],
)
def test_what_does_no_more_than_an_ulp_only_rounds(predicted, moved, nudged, rounds):
    def ended(by):
        return trained([1.0 + by * 2**0.5, 1.0], predicted=predicted)

    trials = known(ended(0.0), ended(1.0), _=ended(0.0), v=ended(moved))
    trials.nudged = None if nudged is None else ended(nudged)
    assert trials.rounds_only("version") is rounds
    assert not trials.rounds_only("hardware")  # was not trained
    shaken = replace(trials, hybrids={**trials.hybrids, frozenset(): ended(5.0)})
    assert not shaken.rounds_only("version")


def test_rounding_that_changes_a_class_is_more_than_rounding():
    start, other = trained([0.5 + 1e-9, 0.5]), trained([0.5 - 1e-9, 0.5])
    trials = known(start, trained([1.0, 0.5]), _=start, v=other)
    trials.nudged = trained([0.5 + 2e-9, 0.5])
    assert not trials.rounds_only("version")
    near = trained([0.5 + 2e-9, 0.5])
    assert replace(trials, hybrids={**trials.hybrids, frozenset({"version"}): near}).rounds_only(
        "version"
    )


def test_only_surroundings_and_weights_computed_in_them_can_round():
    start, near = trained([1.0, 1.0]), trained([1.0 + 1e-8, 1.0])
    alone = known(start, near, _=start, i=near)
    alone.nudged = near
    assert not alone.rounds_only("initialization")
    beside = replace(alone, sources=["initialization", "version"])
    assert beside.rounds_only("initialization")


def test_a_hybrid_that_cannot_be_compared_is_as_far_as_b():
    start = trained([1.0, 1.0])
    trials = known(start, trained([1.0, 3.0]), _=start, v=trained([2.0]), h=trained([1.0, 2.0]))
    assert [trials.value(frozenset(c)) for c in ((), ("version",), ("hardware",))] == [0, 1, 0.5]
    shapeless = known(start, trained([2.0]), _=start, h=trained([1.0, 1.5]))
    assert shapeless.value(frozenset({"hardware"})) == 1.0
    assert shapeless.value(frozenset()) == 0.0


def test_what_a_nudge_grew_to_is_a_part_of_the_distance():
    start = trained([3.0, 4.0])
    trials = known(start, trained([3.0, 8.0]), _=start)
    assert trials.grown() is None
    trials.nudged = trained([3.0, 5.0])
    assert trials.grown() == (pytest.approx(1 / 34**0.5), pytest.approx(0.25))
    assert replace(trials, b=trained([1.0])).grown()[1] == 0.0
    assert replace(trials, b=start).grown()[1] == 0.0


@pytest.mark.parametrize(
    ("hybrids", "left"),
    [
        ({"_": [0.0, 0.0], "v": [0.0, 4.0]}, 0.0),
        ({"_": [0.0, 0.0], "v": [0.0, 3.0]}, 0.25),
        ({"_": [0.0, 0.0], "v": [1.0]}, 1.0),
        ({"_": [0.0, 0.0]}, 0.0),  # not all was transferred together
        ({"_": [0.0, 1.0], "v": [0.0, 4.0]}, 1.0),
        ({"v": [0.0, 4.0]}, 1.0),
    ],
)
def test_what_all_fields_of_b_leave(hybrids, left):
    trials = known(trained([0.0, 0.0]), trained([0.0, 4.0]),
                   **{name: trained(ends) for name, ends in hybrids.items()})  # fmt: skip
    assert replace(trials, sources=["version"]).unexplained() == left


def test_bound_sources_share_alike_what_they_are_worth_together():
    start = trained([0.0, 0.0])
    trials = known(start, trained([0.0, 4.0]), _=start, v=trained([0.0, 3.0]),
                   h=trained([0.0, 1.0]), vh=trained([0.0, 4.0]))  # fmt: skip
    trials.bound = ("version", "backend", "noise")
    assert trials.worth("hardware") == pytest.approx((0.25, 0.25, 0.75))
    for name in trials.bound:
        assert trials.worth(name) == (pytest.approx(0.25), None, None)
        assert trials.matters(name) and trials.stands_for(name) == "version"
    lacking = {c: h for c, h in trials.hybrids.items() if c != frozenset()}
    trials = replace(trials, hybrids=lacking)
    assert trials.worth("noise") == (None, None, None)
    assert trials.worth("hardware") == (None, 0.25, pytest.approx(0.75))


def test_a_source_matters_that_changes_a_bit_alone_or_beside_the_others():
    start, end = trained([0.0, 0.0]), trained([0.0, 4.0])
    same = known(start, end, _=start, v=start, h=end, vh=end)
    assert not same.matters("version") and same.matters("hardware")
    beside = known(start, end, _=start, v=start, h=trained([0.0, 1.0]), vh=end)
    assert beside.matters("version")
    assert not known(start, end, v=end).matters("version"), "beside nothing that was trained"
    logs = known(start, end, _=trained([0.0, 0.0], [{"loss": 1.0}]),
                 v=trained([0.0, 0.0], [{"loss": 2.0}]))  # fmt: skip
    assert logs.changes_logs("version") and not logs.matters("version")
    assert not same.changes_logs("version") and not logs.changes_logs("hardware")


def test_hybrids_for_which_there_is_no_time_are_counted():
    effects = {**EFFECTS, "noise": (0.5, 0.5), "optimizer": (0.1, 0.1)}
    trainer = SimulatedTrainer(tuple(effects), additive(effects))
    trials = Trials(list(effects), trainer.recall("a"), trainer.recall("b"))
    wanted = [frozenset(c) for c in (effects, list(effects)[:3], list(effects)[:2])]
    _train_all(trials, trainer, wanted, lambda must: not must, Silent())
    assert trials.left_out == 1 and set(trials.hybrids) == set(wanted[:2])


def test_a_hybrid_with_predictions_of_another_shape_is_no_part_of_what_is_told_early():
    ends = {(): (1.0, 1.0), ("initialization",): (1.0,), ("data-order",): (1.0, 2.0)}
    trainer = Slow(tuple(EFFECTS), lambda coalition: ends.get(tuple(coalition), (3.0, 1.0)))
    progress = Telling()
    run_trials(trainer, tuple(EFFECTS), None, progress)
    assert progress.notes == [
        "so far, taken from B alone: the order of the samples 50 % of the gap"
    ]
