"""What hybrids of two measuring calls say each source is worth, in numbers that can be checked."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from whydiff.core.call_hybrids import Measurement
from whydiff.core.feeding import TransferError
from whydiff.diagnosis.calls.trials import MOST_HYBRIDS, CallTrials, differs_from, run_trials
from whydiff.testing.calls import KERNEL, Linear, X, call

NAN, INF = math.nan, math.inf
ZERO = np.zeros((2, 1), "float32")


def outputs(*numbers, dtype="float32"):
    return Measurement((np.array(numbers, dtype),))


def values(**numbers):
    return Measurement((), numbers)


def of_metric(a, b, **hybrids):
    """Trials on ``acc`` with one hybrid per name: the letters of the name are its sources."""
    sources = sorted({letter for name in hybrids for letter in name if letter != "_"})
    return CallTrials(
        "acc", values(acc=a), values(acc=b), sources,
        {frozenset(name.strip("_")): values(acc=value) for name, value in hybrids.items()},
    )  # fmt: skip


def test_a_gap_of_a_metric_is_signed_and_one_of_outputs_is_their_distance():
    assert of_metric(0.9, 0.2).whole == pytest.approx(-0.7)
    trials = CallTrials("outputs", outputs(0, 0), outputs(3, 4))
    assert trials.whole == pytest.approx(math.sqrt(12.5))
    assert trials.value(outputs(0, 0)) == 0.0


def test_outputs_of_another_shape_are_as_far_as_b_is():
    trials = CallTrials("outputs", outputs(0, 0), outputs(3, 3))
    assert trials.value(outputs(1, 2, 3)) == pytest.approx(3.0)
    assert CallTrials("outputs", outputs(0), outputs(1, 2)).whole == 1.0
    assert CallTrials("outputs", outputs(0), outputs(0)).value(outputs(1, 2)) == 1.0


def test_parts_of_the_gap_add_up_to_it():
    trials = of_metric(0.0, 1.0, _=0.0, x=0.25, y=0.5, xy=1.0)
    assert trials.shares() == pytest.approx({"x": 0.375, "y": 0.625})
    assert (trials.alone("x"), trials.remaining("x")) == (0.25, 0.5)
    assert trials.unexplained() == (0.0, True)


def test_shares_need_every_source_alone_and_left_out():
    complete = {"_": 0.0, "x": 0.25, "y": 0.5, "xy": 1.0}
    for lacking in complete:
        trials = of_metric(0.0, 1.0, **{k: v for k, v in complete.items() if k != lacking})
        trials.sources = ["x", "y"]
        assert trials.shares() == {}
    assert of_metric(0.5, 0.5, **complete).shares() == {}  # no gap, nothing to share


def test_a_part_is_not_known_without_its_hybrid_or_without_a_gap():
    assert of_metric(0.0, 1.0, x=0.5).remaining("x") is None
    assert of_metric(0.5, 0.5, x=0.5).alone("x") is None


@pytest.mark.parametrize(
    ("full", "left"),
    [(0.5, (0.5, False)), (-3.0, (1.0, False)), (1.0 - 1e-7, (pytest.approx(1e-7, rel=0.3), True))],
)
def test_what_all_swaps_together_leave(full, left):
    assert of_metric(0.0, 1.0, x=full).unexplained() == left
    assert CallTrials(
        "outputs", Measurement((ZERO,)), Measurement((ZERO + 1,)), ["x"],
        {frozenset("x"): Measurement((ZERO + np.float32(full),))},
    ).unexplained() == left  # fmt: skip


def test_without_the_hybrid_of_everything_nothing_is_explained():
    trials = CallTrials("acc", values(acc=0.0), values(acc=1.0), ["x"])
    assert trials.unexplained() == (1.0, False)
    equal = CallTrials("acc", values(acc=1.0), values(acc=1.0), ["x"],
                       {frozenset("x"): values(acc=0.5)})  # fmt: skip
    assert equal.unexplained() == (1.0, False)
    shapes = CallTrials("outputs", outputs(0), outputs(1), ["x"], {frozenset("x"): outputs(1, 1)})
    assert shapes.unexplained() == (1.0, False)


def test_a_source_acts_where_any_swap_of_it_changes_a_bit():
    trials = of_metric(0.0, 1.0, _=0.0, x=0.0, y=1.0, xy=0.75)
    assert trials.acts("x") and trials.acts("y")  # x only together with y
    assert trials.effect("x") == pytest.approx(0.25)
    assert not trials.rounds("x")
    idle = of_metric(0.0, 1.0, _=0.0, x=0.0, y=1.0, xy=1.0)
    assert not idle.acts("x") and idle.rounds("x") and idle.effect("x") == 0.0
    assert not idle.acts("z") and idle.effect("z") == 0.0


@pytest.mark.parametrize(
    ("one", "two", "apart"),
    [
        (0.5, 0.5, (0.0, True)),
        (NAN, NAN, (0.0, True)),
        (0.0, 0.0, (0.0, True)),
        (-0.5, 0.5, (2.0, False)),
        (0.5, 1.0, (0.5, False)),
        (0.5, INF, (1.0, False)),
        (1.0, 1.0 + 1e-7, (pytest.approx(1e-7), True)),
    ],
)
def test_metrics_apart(one, two, apart):
    assert of_metric(0, 0).apart(values(acc=one), values(acc=two)) == apart
    assert of_metric(0, 0).apart(values(acc=two), values(acc=one)) == apart


@pytest.mark.parametrize(
    ("one", "two", "apart"),
    [
        (outputs(1, 2), outputs(1, 2), (0.0, True)),
        (outputs(0, 0), outputs(0, 2), (1.0, False)),
        (outputs(4, 4), outputs(4, 2), (pytest.approx(math.sqrt(2) / 4), False)),
        (outputs(1), outputs(1, 1), (1.0, False)),
        (outputs(1), outputs(1 + 1e-7), (pytest.approx(1.2e-7, rel=0.1), True)),
        (outputs(1, dtype="float64"), outputs(1 + 1e-7, dtype="float64"), (
            pytest.approx(1e-7), False)),
        (outputs(1), outputs(1 + 1e-7, dtype="float64"), (pytest.approx(1e-7), True)),
        (outputs(1, dtype="float16"), outputs(1.01, dtype="float16"), (
            pytest.approx(0.01, rel=0.1), True)),
        (outputs(100000000, dtype="int32"), outputs(100000001, dtype="int32"), (
            pytest.approx(1e-8), True)),
    ],
    ids=["equal", "from zero", "by the larger", "shape", "float32", "float64", "the coarser",
         "float16", "integers"],
)  # fmt: skip
def test_outputs_apart(one, two, apart):
    trials = CallTrials("outputs", outputs(0), outputs(0))
    assert trials.apart(one, two) == apart


def test_models_without_outputs_are_not_apart():
    trials = CallTrials("weights", Measurement(), Measurement())
    assert trials.whole == 0.0
    assert trials.apart(Measurement(), Measurement()) == (0.0, True)
    empty = Measurement((np.zeros((0, 1), "float32"),))
    assert trials.apart(empty, empty) == (0.0, True)


# --- running them ---------------------------------------------------------------------------------


@dataclass
class Adding:
    """Hybrids of which each source of B adds a number; counts what it was asked for."""

    effects: dict[str, float]
    refused: frozenset[frozenset[str]] = frozenset()
    asked: list[frozenset[str]] = field(default_factory=list)

    def measure(self, coalition):
        self.asked.append(coalition)
        if coalition in self.refused:
            raise TransferError("these do not fit")
        return values(acc=sum(self.effects[s] for s in sorted(coalition)))

    def again(self, side):
        return values(acc=0.0 if side == "a" else sum(self.effects.values()))


def run(runner):
    sides = (call(1, "evaluate", values={"acc": 0.0}),
             call(2, "evaluate", values={"acc": sum(runner.effects.values())}))  # fmt: skip
    return run_trials(runner, list(runner.effects), sides, "acc")


def test_every_combination_is_run_once_where_they_are_few():
    runner = Adding({"x": 0.5, "y": 0.25, "z": 0.125})
    trials = run(runner)
    assert len(runner.asked) == len(set(runner.asked)) == len(trials.hybrids) == 8
    assert trials.shares() == pytest.approx({"x": 4 / 7, "y": 2 / 7, "z": 1 / 7})


def test_of_many_sources_singles_and_all_but_one_are_run():
    runner = Adding(dict.fromkeys("abcdefg", 0.5))
    assert 2 ** len(runner.effects) > MOST_HYBRIDS
    trials = run(runner)
    assert len(runner.asked) == 2 + 2 * len(runner.effects)
    assert trials.shares() == pytest.approx(dict.fromkeys(runner.effects, 1 / 7))


def test_sources_that_change_nothing_are_not_combined_further():
    runner = Adding({"x": 0.5, "y": 0.25, "n": 0.0, "m": 0.0})
    trials = run(runner)
    assert trials.sources == ["x", "y"]
    assert trials.unexplained() == (0.0, True)
    assert len(runner.asked) < 2**4
    assert trials.shares() == pytest.approx({"x": 2 / 3, "y": 1 / 3})


def test_a_source_that_cannot_be_swapped_is_refused_and_the_others_are_run():
    runner = Adding({"x": 0.5, "y": 0.25}, frozenset({frozenset("y")}))
    trials = run(runner)
    assert (trials.sources, trials.refused) == (["x"], {"y": "these do not fit"})
    assert trials.unexplained() == (pytest.approx(1 / 3), False)


def test_a_pair_that_does_not_fit_refuses_neither():
    runner = Adding({"x": 0.5, "y": 0.25}, frozenset({frozenset("xy")}))
    trials = run(runner)
    assert (trials.sources, trials.refused) == (["x", "y"], {})
    assert trials.shares() == {} and trials.unexplained() == (1.0, False)
    assert trials.alone("x") == pytest.approx(2 / 3)


def test_a_call_that_cannot_be_run_again_confirms_nothing():
    class Refusing(Linear):
        def again(self, side):
            raise TransferError("its model is gone")

    trials = run_trials(Refusing(X @ KERNEL, {}), ["mode"], (call(1), call(2)), "outputs")
    assert trials.failure == "a call cannot be run again: its model is gone"
    assert not trials.hybrids


def test_the_side_that_does_not_repeat_is_named():
    other = X @ KERNEL + 1
    runner = Linear(X @ KERNEL, {"mode": np.float32(1)})
    trials = run_trials(runner, ["mode"], (call(1), call(2)), "outputs")
    assert trials.failure.startswith("B run again from its own fields did not give the same")
    trials = run_trials(runner, ["mode"], (call(1, outputs=other), call(2)), "outputs")
    assert trials.failure.startswith("A run again")


def test_a_hybrid_of_nothing_that_is_not_a_confirms_nothing():
    class Drifting(Linear):
        def measure(self, coalition):
            made = super().measure(coalition)
            return made if coalition else Measurement(tuple(o + 1 for o in made.outputs))

    runner = Drifting(X @ KERNEL, {"mode": np.float32(1)})
    b = call(2, outputs=runner.again("b").outputs[0])
    trials = run_trials(runner, ["mode"], (call(1), b), "outputs")
    assert "did not give the same bits twice" in trials.failure
    assert list(trials.hybrids) == [frozenset()]


# --- the control ----------------------------------------------------------------------------------


def test_a_model_that_was_only_built_has_nothing_to_be_compared_with():
    assert differs_from(values(acc=1.0), call(1, "built")) == ""


@pytest.mark.parametrize(
    ("again", "why"),
    [
        ({"acc": 0.5, "loss": NAN}, ""),
        ({"acc": 0.5}, "loss None instead of nan"),
        ({"acc": 0.25, "loss": NAN}, "acc 0.25 instead of 0.5"),
        ({"acc": NAN, "loss": NAN}, "acc nan instead of 0.5"),
        ({"acc": 0.5, "loss": 1.0}, "loss 1.0 instead of nan"),
    ],
)
def test_metrics_have_to_be_the_recorded_ones(again, why):
    recorded = call(1, "evaluate", values={"acc": 0.5, "loss": NAN})
    assert differs_from(Measurement((), again), recorded) == why


def test_outputs_have_to_be_the_recorded_ones():
    out = X @ KERNEL
    recorded = call(1)
    assert differs_from(Measurement((out,)), recorded) == ""
    assert differs_from(Measurement((out + 1,)), recorded) == "other bits in the outputs"
    assert differs_from(Measurement((out, out)), recorded) == "2 outputs instead of 1"
    assert differs_from(Measurement((out[:8],)), recorded) == "shape (8, 1) instead of (16, 1)"


def test_a_single_number_is_compared_by_its_value():
    out = np.float32(3.0)
    recorded = call(1, outputs=np.array([3.0], "float32"))
    whole = recorded.outputs[0].__class__("", "float32", (), recorded.outputs[0].rows, out)
    single = recorded.__class__(**{**recorded.__dict__, "outputs": (whole,)})
    assert differs_from(Measurement((out,)), single) == ""
    assert differs_from(Measurement((np.float32(4.0),)), single) == "other bits in the outputs"


# --- random numbers that act in one mode only -----------------------------------------------------


@dataclass
class Dropout:
    """Adds a number that depends on the seed while training, and ``more`` where B's weights are.

    ``training`` and ``seeds`` are those of A and of B.
    """

    training: tuple[bool, bool]
    more: float = 0.0
    seeds: tuple[float, float] = (3.0, 5.0)

    def measure(self, coalition):
        training, seed = (
            side[name in coalition]
            for name, side in (("mode", self.training), ("noise", self.seeds))
        )
        return values(acc=1.0 + seed * training + self.more * ("weights" in coalition))

    def again(self, side):
        return self.measure(frozenset({"mode", "noise", "weights"} if side == "b" else ()))


def trials_of(runner):
    sides = [call(n, "evaluate", values=runner.again(s).values) for n, s in ((1, "a"), (2, "b"))]
    return run_trials(runner, ["mode", "noise", "weights"], tuple(sides), "acc")


@pytest.mark.parametrize("training", [(True, False), (False, True)])
def test_what_dropout_drew_is_no_cause_beside_the_mode_that_lets_it_draw(training):
    trials = trials_of(Dropout(training))
    assert trials.decided == {"noise": "mode"}
    assert trials.sources == ["mode"]
    assert trials.shares() == pytest.approx({"mode": 1.0})
    assert (trials.alone("mode"), trials.remaining("mode")) == (1.0, 0.0)
    assert trials.unexplained() == (0.0, True)


def test_nor_where_the_weights_differ_too():
    trials = trials_of(Dropout((False, True), more=5.0))
    assert trials.sources == ["mode", "weights"]
    assert trials.shares() == pytest.approx({"mode": 0.5, "weights": 0.5})
    assert trials.unexplained() == (0.0, True)


def test_which_source_lets_noise_act_is_not_guessed_from_some_of_the_combinations():
    effects = dict.fromkeys("abcdef", 0.5) | {"mode": 0.5, "noise": 0.5}
    assert 2 ** len(effects) > MOST_HYBRIDS

    class InTraining(Adding):
        def measure(self, coalition):
            return super().measure(coalition if "mode" in coalition else coalition - {"noise"})

    trials = run(InTraining(effects))
    assert trials.decided == {} and "noise" in trials.sources


@pytest.mark.parametrize("whole", [1e-7, 1e-2])
def test_the_mode_is_no_cause_of_a_gap_that_is_no_more_than_rounding(whole):
    """A hybrid with the other's flag is computed in the other's way, too."""

    class Either(Adding):
        def measure(self, coalition):
            return values(acc=1.0 + whole * bool(coalition))

        def again(self, side):
            return values(acc=1.0 + whole * (side == "b"))

    sides = (call(1, "evaluate", values={"acc": 1.0}),
             call(2, "evaluate", values={"acc": 1.0 + whole}))  # fmt: skip
    trials = run_trials(Either({}), ["mode", "arithmetic"], sides, "acc")
    rounds = whole < 1e-3
    assert trials.sources == (["arithmetic"] if rounds else ["mode", "arithmetic"])
    assert trials.shares()["arithmetic"] == pytest.approx(1.0 if rounds else 0.5)


@pytest.mark.parametrize("in_inference", [False, True])
def test_batches_are_no_cause_beside_the_mode_in_which_alone_they_count(in_inference):
    """Dropout and batch statistics: in training rows depend on their batch."""

    class InTraining(Adding):
        def measure(self, coalition):
            counts = in_inference or "mode" in coalition
            return super().measure(coalition if counts else coalition - {"batch-size"})

    trials = run(InTraining({"mode": 0.5, "batch-size": 0.25}))
    assert trials.decided == ({} if in_inference else {"batch-size": "mode"})
    assert set(trials.sources) == {"mode", "batch-size"} - set(trials.decided)
    if not in_inference:
        assert (trials.alone("mode"), trials.remaining("mode")) == (1.0, 0.0)


@pytest.mark.parametrize("more", [0.0, 0.5])
def test_random_numbers_stay_a_cause_where_both_draw(more):
    trials = trials_of(Dropout((True, True), more=more))
    assert trials.decided == {} and "noise" in trials.sources
