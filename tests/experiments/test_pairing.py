"""The rule by which ``compare`` stops, on simulated trainings: no Keras in here."""

import math

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.replicas import Replica, Result
from whydiff.experiments.compare.pairing import (
    AUTO,
    BUDGET,
    CAP,
    INTERRUPTED,
    OUT_OF_REACH,
    SETTLED,
    Rule,
    until_settled,
)
from whydiff.testing.simulations import few

RULE = Rule("accuracy", True, most=60)


def ended(number, value, failure=""):
    logs = ({"accuracy": 0.1, "loss": 2.0}, {"accuracy": value, "loss": 1.0})
    return Result(Replica(number), "solo", () if failure else logs, digest=f"{number}",
                  failure=failure)  # fmt: skip


def trainer(a, b, asked=None):
    """Trainings that end with the numbers of a and b."""

    def train(wanted):
        if asked is not None:
            asked.append(list(wanted))
        return [(ended(2 * n, float(a[n])), ended(2 * n + 1, float(b[n]))) for n in wanted]

    return train


def draws(seed, gap, spread=0.02, n=60):
    rng = np.random.default_rng(seed)
    return 0.9 + spread * rng.normal(size=n), 0.9 + gap + spread * rng.normal(size=n)


def test_it_stops_at_the_first_verdict_and_keeps_the_rest_of_the_chunk_apart():
    a, b = draws(1, 0.04)
    whole = until_settled(trainer(a, b), RULE, chunk=1)
    assert whole.stopped == SETTLED and not whole.surplus
    assert RULE.look(whole.pairs).verdict == "better"
    assert RULE.look(whole.pairs[:-1]).verdict == "inconclusive"
    chunked = until_settled(trainer(a, b), RULE, chunk=20)
    assert len(chunked.pairs) == len(whole.pairs)
    assert len(chunked.pairs) + len(chunked.surplus) in (20, 40, 60)


def test_the_first_chunk_is_as_long_as_any_verdict_takes():
    asked = []
    a, b = draws(2, 0.0)
    found = until_settled(trainer(a, b, asked), Rule("accuracy", True, most=17), chunk=3)
    assert found.stopped == CAP and [len(w) for w in asked] == [7, 3, 3, 3, 1]
    assert [n for wanted in asked for n in wanted] == list(range(17))


def test_pairs_that_share_nothing_are_trained_one_by_one_and_handed_on_at_once():
    asked, handed = [], []
    rule = Rule("accuracy", True, most=9)

    def each(number, pair):
        handed.append((number, len(asked)))

    until_settled(trainer(*draws(2, 0.0), asked), rule, chunk=1, each=each)
    assert [len(wanted) for wanted in asked] == [1] * 9
    assert handed == [(n, n + 1) for n in range(9)]


def test_bounds_of_a_metric_decide_where_they_are_known():
    rule = Rule("accuracy", True, most=60, assumption=AUTO)
    a, b = draws(4, 0.09, 0.01)
    clear = until_settled(trainer(a - 0.1, b - 0.1), rule)
    assert clear.stopped == SETTLED and 40 < len(clear.pairs) <= 60
    assert rule.look(clear.pairs).assumption == "bounded"
    assert rule.typical(clear.pairs).verdict == "better"
    # A loss has no bounds; the verdict is about differences as often up as down.
    loss = Rule("score", True, most=60, assumption=AUTO)
    assert loss.test([]).assumption == "symmetric" and loss.typical([]) is None


def test_a_verdict_out_of_reach_ends_with_that_on_runs_like_those_seen():
    small = trainer(*draws(5, 0.03, 0.01))
    rule = Rule("accuracy", True, most=60, assumption=AUTO)
    found = until_settled(small, rule, chunk=1)
    assert found.stopped == OUT_OF_REACH and len(found.pairs) < 20
    assert rule.look(found.pairs).verdict == "inconclusive"
    assert rule.typical(found.pairs).verdict == "better"
    assert rule.more(found.pairs) > 60
    insisting = Rule("accuracy", True, most=20, assumption="bounded")
    assert until_settled(small, insisting, chunk=1).stopped == CAP


def test_runs_that_fall_once_in_ten_do_not_make_b_better_on_average():
    a = np.full(60, 0.9)
    b = a + 0.01  # and 0.09 worse in one run of ten, of which none came yet
    rule = Rule("accuracy", True, most=60, assumption=AUTO)
    found = until_settled(trainer(a, b + 1e-4 * np.arange(60)), rule, chunk=1)
    assert found.stopped == OUT_OF_REACH
    assert rule.look(found.pairs).effect.low < 0 < rule.typical(found.pairs).effect.low


def test_a_loss_is_better_when_it_is_smaller():
    a, b = draws(3, -0.2)
    assert Rule("accuracy", False, most=60).look(trainer(a, b)(range(12))).verdict == "better"
    assert RULE.look(trainer(a, b)(range(12))).verdict == "worse"


def test_the_value_is_that_after_the_last_epoch_and_none_of_a_diverged_run():
    assert RULE.value(ended(1, 0.7)) == 0.7
    diverged = Result(Replica(1), "solo", ({"accuracy": 0.1, "loss": math.nan},))
    assert math.isnan(RULE.value(diverged))
    hidden = Result(Replica(1), "solo", ({"accuracy": 0.1},), (np.array([[math.nan]]),))
    assert math.isnan(RULE.value(hidden))
    assert math.isnan(RULE.value(Result(Replica(1), "solo", ({"loss": 1.0},))))


def test_runs_that_diverge_decide_and_runs_that_fail_do_not():
    def diverging(wanted):
        return [
            (ended(n, 0.9), Result(Replica(n), "solo", ({"accuracy": 0.1, "loss": math.inf},)))
            for n in wanted
        ]

    found = until_settled(diverging, RULE)
    assert found.stopped == SETTLED and RULE.look(found.pairs).verdict == "worse"

    def failing(wanted):
        return [(ended(n, 0.9), ended(n, 0.1, failure="no memory" if n else "")) for n in wanted]

    found = until_settled(failing, Rule("accuracy", True, most=30))
    assert found.stopped == CAP and RULE.look(found.pairs).pairs == 1


def test_a_side_of_which_nothing_can_be_trained_is_trouble():
    def failing(wanted):
        return [(ended(n, 0.9), ended(n, 0.1, failure="no such optimizer: sdg")) for n in wanted]

    with pytest.raises(WhydiffError, match=r"no replica of B .* no such optimizer: sdg"):
        until_settled(failing, RULE)
    asked = []

    def one_by_one(wanted):
        asked.append(wanted)
        return failing(wanted)

    with pytest.raises(WhydiffError, match="no replica of B"):
        until_settled(one_by_one, RULE, chunk=1)
    assert len(asked) == 7
    with pytest.raises(WhydiffError, match="no replica of B"):
        until_settled(failing, RULE, chunk=1, budget=0.0)


def test_time_that_is_up_and_an_interruption_leave_what_is_known():
    a, b = draws(4, 0.0)
    found = until_settled(trainer(a, b), RULE, budget=0.0)
    assert found.stopped == BUDGET and len(found.pairs) == 7

    def interrupted(wanted):
        if wanted.start:
            raise KeyboardInterrupt
        return trainer(a, b)(wanted)

    found = until_settled(interrupted, RULE)
    assert found.stopped == INTERRUPTED and len(found.pairs) == 7

    def at_once(wanted):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        until_settled(at_once, RULE)


def wrong(seed, trials, rule, gap=0.0, verdicts=("better", "worse")):
    """Share of simulated comparisons that end with one of the verdicts."""
    found = 0
    for trial in range(trials):
        a, b = draws([seed, trial], gap)
        # accuracies of 100 examples come in steps, as they do
        trained = until_settled(trainer(np.round(a, 2), np.round(b, 2)), rule)
        found += rule.look(trained.pairs).verdict in verdicts
    return found / trials


@pytest.mark.long
def test_two_equal_trainings_are_rarely_called_different():
    rule = Rule("accuracy", True, most=30)
    assert few(wrong(5, 150, rule), 0.05, 150)


@pytest.mark.thorough
def test_type_one_error_of_the_whole_rule_while_looking_after_every_pair():
    rule = Rule("accuracy", True, most=60)
    assert few(wrong(6, 600, rule), 0.05, 600)
    strict = Rule("accuracy", True, alpha=0.2, most=60)
    assert few(wrong(7, 400, strict), 0.2, 400)


@pytest.mark.thorough
def test_a_difference_of_the_margin_is_rarely_called_equivalent():
    rule = Rule("accuracy", True, margin=0.03, most=60)
    assert few(wrong(8, 400, rule, gap=0.03, verdicts=("equivalent",)), 0.05, 400)
    assert few(wrong(9, 400, rule, gap=0.03, verdicts=("better",)), 0.05, 400)


@pytest.mark.thorough
def test_what_differs_is_found_and_what_does_not_is_equivalent():
    assert wrong(10, 100, Rule("accuracy", True, most=60), gap=0.03) > 0.95
    rule = Rule("accuracy", True, margin=0.03, most=60)
    assert wrong(11, 100, rule, verdicts=("equivalent",)) > 0.95
