"""Other surroundings that round otherwise and do nothing else are harmless, and it is said so."""

import numpy as np
import pytest

from whydiff.core.progress import Silent
from whydiff.diagnosis.rounding import harmless
from whydiff.diagnosis.trials import run_trials
from whydiff.diagnosis.verdict import judge
from whydiff.testing.hybrids import SimulatedTrainer, additive, compared
from whydiff.testing.sides import a_side, changed, facts, weights

ULP = 6e-8
#: Two classes, by a margin that rounding does not bridge.
START = np.array([[0.2, 0.8], [0.7, 0.3]])


def answered(effects, *, grown=ULP, start=START):
    a = a_side()
    b = changed(a, fit={"final": weights(7)}, version=facts(a, "version", jax="0.9.0"))
    if "optimizer" in effects:
        b = changed(b, optimizer=facts(b, "optimizer", learning_rate=0.01))
    sides = compared(a, b)

    def outcome(coalition):
        return start + sum((effects[name] for name in coalition), np.zeros_like(start))

    trainer = SimulatedTrainer(sides.movable(), outcome, grown=grown)
    trials = run_trials(trainer, sides.movable(), None, Silent())
    return trials, judge(sides, trials)


def test_a_version_that_only_rounds_otherwise_is_harmless():
    trials, verdict = answered({"version": 3 * ULP})
    assert harmless(trials) == ["version"]
    (cause,) = verdict.causes
    assert cause.mechanism == "rounds-otherwise"
    assert cause.remedy.startswith("Nothing needs to be repaired")
    assert "harmless" in verdict.notes[0] and "the class of no prediction" in verdict.notes[0]


def test_beside_a_large_cause_it_is_still_told_apart():
    trials, verdict = answered({"version": 3 * ULP, "optimizer": 0.05})
    assert harmless(trials) == ["version"]
    assert {c.source: c.mechanism for c in verdict.causes} == {
        "optimizer": "",
        "version": "rounds-otherwise",
    }


@pytest.mark.parametrize(
    ("effect", "grown"),
    [(30 * ULP, ULP), (0.05, ULP), (3 * ULP, 0.0)],
    ids=["more than one ULP grows to", "a visible difference", "a nudge that vanishes"],
)
def test_what_one_ulp_does_not_explain_is_no_rounding(effect, grown):
    trials, verdict = answered({"version": effect}, grown=grown)
    assert harmless(trials) == []
    assert verdict.causes[0].mechanism == ""
    assert not any("harmless" in note for note in verdict.notes)


def test_a_setting_that_moves_the_weights_by_rounding_alone_hardly_matters():
    small = START.astype(np.float32)
    (note,) = noted({"version": 0.05, "optimizer": 5 * ULP}, small)
    assert note.startswith("Optimizer hardly matters: taken from B alone it moves the ")
    assert not noted({"version": 0.05, "optimizer": 0.05}, small)
    assert not noted({"version": 3 * ULP, "optimizer": 0.05}, small)


def noted(effects, start):
    return [n for n in answered(effects, start=start)[1].notes if "hardly" in n]


def test_what_ends_within_the_last_place_rounds_whatever_one_weight_moves():
    """One weight of many moves the result by less than rounding in all of them does."""
    single = START.astype(np.float32)
    effect = np.array([[6e-8, 0.0], [0.0, 0.0]], np.float32)
    trials, _ = answered({"version": effect}, grown=0.0, start=single)
    assert harmless(trials) == ["version"]
    trials, _ = answered({"version": 8 * effect}, grown=0.0, start=single)
    assert harmless(trials) == []


def test_initial_weights_that_other_versions_round_otherwise_are_harmless():
    a = a_side()
    b = changed(
        a,
        fit={"final": weights(7)},
        initialization=weights(3),
        version=facts(a, "version", jax="0.9.0"),
    )
    sides = compared(a, b)
    effects = {"version": 2 * ULP, "initialization": 3 * ULP}
    trainer = SimulatedTrainer(
        sides.movable(), lambda taken: START + sum(effects[name] for name in taken), grown=ULP
    )
    trials = run_trials(trainer, sides.movable(), None, Silent())
    assert sorted(harmless(trials)) == ["initialization", "version"]
    b = changed(a, fit={"final": weights(7)}, initialization=weights(3))
    sides = compared(a, b)
    trainer = SimulatedTrainer(
        sides.movable(), lambda taken: START + sum(effects[name] for name in taken), grown=ULP
    )
    assert harmless(run_trials(trainer, sides.movable(), None, Silent())) == []


def test_a_prediction_that_changes_its_class_is_not_harmless():
    tie = np.array([[0.5 - ULP, 0.5], [0.7, 0.3]])
    trials, _ = answered({"version": np.array([[3 * ULP, 0.0], [0.0, 0.0]])}, start=tie)
    assert harmless(trials) == []


def test_a_nudge_is_trained_for_no_large_effect_of_a_version():
    trials, _ = answered({"version": 0.05})
    assert trials.nudged is None


def test_without_the_control_nothing_is_said_of_rounding():
    a = a_side()
    b = changed(a, fit={"final": weights(7)}, version=facts(a, "version", jax="0.9.0"))
    sides = compared(a, b)
    trainer = SimulatedTrainer(
        sides.movable(), additive({"version": (ULP, 0.0)}), a=(1.5, 1.0), b=(2.0, 1.0), grown=ULP
    )
    trials = run_trials(trainer, sides.movable(), None, Silent())
    assert harmless(trials) == []
