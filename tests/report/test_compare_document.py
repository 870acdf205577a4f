import math
from dataclasses import replace

import pytest

from whydiff.core.comparison import Churn, Comparison, FailureRates, Pair, Secondary, Side
from whydiff.core.estimate import Estimate, unknown
from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.study import Gate
from whydiff.report.documents.compare import churn, document, verdict
from whydiff.report.terminal import plain_text, screen_blocks


def estimate(value, half, n=14, confidence=0.95):
    return Estimate(value, value - half, value + half, n, confidence)


NONE = Estimate(0.0, 0.0, 0.23, 14)
A = Side("train.py as written", "fused", estimate(0.9, 0.01), estimate(0.02, 0.005), NONE)
B = Side("train.py with optimizer=sgd", "fused", estimate(0.93, 0.01), estimate(0.02, 0.005), NONE)
MOVED = Churn(
    "classes", 500, 0.08, 0.12, estimate(0.04, 0.01), 0.0005, estimate(0.11, 0.01)
)  # fmt: skip
FOUND = Comparison(
    question="Is B better?",
    a=A,
    b=B,
    metric="val_accuracy",
    larger_is_better=True,
    verdict="better",
    effect=estimate(0.03, 0.02),
    margin=0.0,
    alpha=0.05,
    probability=estimate(0.8, 0.1),
    churn=MOVED,
    others=(Secondary("val_loss", estimate(-0.1, 0.05), 0.01, 0.02),),
    pairs=tuple(Pair(n, {"noise": n}, 0.9, 0.93, False) for n in range(14)),
    max_pairs=50,
    more=0,
    fewest=10,
    stopped="settled",
    gates=(Gate("the engines agree", True, "4 trainings by both"),),
    seconds=32.0,
)


def comparison_blocks(found, verbose=False):
    return screen_blocks(document(found), verbose)


def text(found, verbose=False):
    return " ".join(plain_text(comparison_blocks(found, verbose)).split())


def test_better_says_by_how_much_and_of_how_many():
    assert verdict(FOUND) == (
        "B is better than A: its val_accuracy is higher by 0.03 (0.01 to 0.05), over 14 pairs with "
        "equal seeds."
    )
    beyond = replace(FOUND, margin=0.005)
    assert "beyond the margin of 0.005" in verdict(beyond)


def test_a_loss_that_falls_is_told_as_lower():
    lower = replace(FOUND, metric="val_loss", larger_is_better=False, effect=estimate(-0.3, 0.1))
    assert "its val_loss is lower by 0.3 (0.2 to 0.4)" in verdict(lower)


def test_equivalent_names_the_margin():
    same = replace(FOUND, verdict="equivalent", margin=0.05, effect=estimate(0.001, 0.02))
    assert "B is as good as A" in verdict(same)
    assert "+0.001 (-0.019 to +0.021), within the margin of 0.05" in verdict(same)
    never = replace(same, margin=0.0, effect=estimate(0.0, 0.0))
    assert "differed in none of 14 pairs" in verdict(never)


def test_what_a_verdict_assumes_and_what_it_would_take_without():
    unseen = replace(FOUND, unseen=0.19, more_for_any_shape=36)
    assert "as often up as down" in text(unseen) and "up to 19 % of pairs" in text(unseen)
    assert "about 50 pairs would allow for it: --assume bounded --max-pairs 50" in text(unseen)
    enough = replace(FOUND, more_for_any_shape=0)
    assert "only that val_accuracy lies between 0 and 1" in text(enough)
    assert "rare collapse" not in text(replace(FOUND, assumption="bounded"))
    open_ = replace(unseen, verdict="inconclusive", more=3, stopped="cap")
    assert "--assume bounded" not in text(open_)


def test_runs_like_those_seen_are_told_apart_from_the_mean():
    wide = estimate(0.03, 0.3)
    open_ = replace(
        FOUND, verdict="inconclusive", effect=wide, assumption="bounded", typical="better",
        typical_effect=estimate(0.03, 0.02), more=110, stopped="out of reach",
    )  # fmt: skip
    assert verdict(open_).startswith(
        "In runs like those seen B is better than A: its val_accuracy is higher by 0.03 (0.01 to "
        "0.05), over 14 pairs with equal seeds. Rare runs that are far off could outweigh it, so "
        "on average it is open. About 110 more pairs would settle it"
    )
    told = text(open_)
    assert "+0.03 (-0.27 to +0.33)" in told and "+0.03 (+0.01 to +0.05), n = 14" in told
    assert "--assume symmetric takes for granted" in told
    settled = replace(open_, verdict="better", more=0)
    assert verdict(settled).startswith("B is better than A") and "--assume" not in text(settled)


def test_a_long_tail_is_why_there_is_no_verdict():
    tailed = replace(FOUND, verdict="inconclusive", more=None, tailed=True, stopped="cap")
    assert "have a long tail against their mean" in verdict(tailed)


def test_an_interval_with_one_end_and_runs_that_collapsed():
    half = replace(FOUND, effect=Estimate(0.04, 0.02, math.inf, 14))
    assert "higher by 0.04 (0.02 or more)" in verdict(half)
    assert "+0.04 (+0.02 or more)" in text(half) and "inf" not in text(half)
    rates = FailureRates(Estimate(0.25, -0.1, 0.5, 12), 0.25)
    failing = replace(FOUND, b=replace(B, collapsed=Estimate(0.25, 0.1, 0.5, 12)), failures=rates)
    assert "3 of 12 runs of B collapsed (25 % (10 to 50 %))" in text(failing)
    assert "B - A: +25 % (-10 to +50 %), p = 0.25, n = 12" in text(failing)


def test_the_same_training_twice_is_called_that():
    pairs = tuple(replace(pair, identical=True) for pair in FOUND.pairs)
    same = replace(FOUND, verdict="equivalent", pairs=pairs)
    assert verdict(same).startswith("A and B are the same training: all 14 pairs")
    assert "P(B better)" not in text(same)


@pytest.mark.parametrize(
    "more, margin, effect, expected",
    [
        (36, 0.0, estimate(0.01, 0.02), "About 36 more pairs would settle it if they were like "
                                       "these: --max-pairs 50."),
        (None, 0.0, estimate(0.0, 0.02), "--margin says which difference does not matter"),
        (None, 0.01, estimate(0.01, 0.02), "no number of pairs would settle it"),
        (3, 0.0, estimate(0.03, 0.02), "diverged on one side only leave it open"),
    ],
)  # fmt: skip
def test_an_open_question_says_what_would_settle_it(more, margin, effect, expected):
    found = replace(
        FOUND, verdict="inconclusive", more=more, margin=margin, effect=effect, stopped="cap"
    )
    assert verdict(found).startswith("Not settled after 14 pairs: val_accuracy of B - A is +0.0")\
        or effect.value == 0  # fmt: skip
    assert expected in verdict(found)


def test_few_pairs_and_other_reasons_to_stop():
    few = replace(
        FOUND, verdict="inconclusive", pairs=FOUND.pairs[:4], more=9, stopped="cap",
        effect=Estimate(0.01, -math.inf, math.inf, 4),
    )  # fmt: skip
    assert "No verdict is possible before 10 pairs" in verdict(few)
    assert "?" not in verdict(few) and "inf" not in text(few)
    late = replace(FOUND, verdict="inconclusive", stopped="budget", more=5)
    assert "The time that was given is up. " in verdict(late)


def test_runs_that_diverged_decide_and_are_told():
    side = replace(B, diverged=Estimate(1.0, 0.77, 1.0, 14), mean=unknown(0, "no runs"))
    found = replace(FOUND, verdict="worse", b=side, effect=unknown(0, "no complete pairs"))
    assert verdict(found).startswith("B is worse than A: 14 of 14 of its runs diverged, 0 of 14")
    told = text(found)
    assert "14 of 14 runs of B diverged (100 % (77 to 100 %))" in told
    assert "no run ended with a finite val_accuracy" in told


def test_churn_in_words():
    assert churn(MOVED, 0.05).startswith(
        "switching changed predictions more than reseeding does (excess 4 % (3 to 5 %)"
    )
    still = replace(MOVED, p=0.6, excess=estimate(0.001, 0.01))
    assert churn(still, 0.05).startswith(
        "switching changed predictions no more than reseeding does"
    )
    assert "A and B with other seeds disagree on 12 %, with equal seeds 11 %" in churn(MOVED, 0.05)
    nothing = replace(MOVED, excess=Estimate(-2.8e-17, -0.63, 0.63, 3))
    assert "(excess 0 % (-63 to 63 %)" in churn(nothing, 0.05)
    fine = replace(MOVED, excess=Estimate(0.0421, 0.0339, 0.05051, 38))
    assert "(excess 4.2 % (3.4 to 5.1 %)" in churn(fine, 0.05)
    numbers = replace(MOVED, measure="distance")
    assert "two seeds differ by 0.08" in churn(numbers, 0.05)


def test_the_first_screen_has_every_number_with_its_n():
    told = text(FOUND)
    for part in (
        "train.py with optimizer=sgd: val_accuracy 0.93 (0.92 to 0.94)",
        "+0.03 (+0.01 to +0.05), 95 % confidence sequence, n = 14",
        "80 % (70 to 90 %) for runs of two different seeds, n = 14",
        "14 pairs of at most 50 in 32 s (fused)",
        "val_loss -0.1 (-0.15 to -0.05) 0.02",
        "Checked: the engines agree.",
    ):
        assert part in told
    assert len(plain_text(comparison_blocks(FOUND)).splitlines()) < 40


def test_what_differs_between_two_revisions_is_listed():
    line = "learning_rate: 0.1 vs. 0.2 (train.py:3: rate = 0.2; commit 1f0c9d2a3b (Faster))"
    found = replace(FOUND, differences=(Finding("optimizer", DIFFERS, "", line, intended=True),))
    assert f"Differs optimizer: {line}" in text(found)


def test_verbose_shows_pairs_gates_and_what_the_intervals_mean():
    told = text(FOUND, verbose=True)
    assert "the engines agree yes 4 trainings by both" in told
    assert "14 0.9 0.93 +0.03" in told
    assert "hold however often one looked" in told


def test_what_failed_or_may_not_be_comparable_is_a_warning():
    gate = Gate("plain training agrees", False, "4 trainings differ")
    pairs = (*FOUND.pairs, replace(FOUND.pairs[0], failure="no memory"))
    found = replace(FOUND, gates=(gate,), warnings=("Other validation data.",), pairs=pairs)
    told = text(found)
    assert "Check failed: plain training agrees. 4 trainings differ." in told
    assert "Other validation data." in told
    assert "1 pair could not be trained and counts for nothing: no memory" in told
