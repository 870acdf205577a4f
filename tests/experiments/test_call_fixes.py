"""What follows where a seed makes two runs agree whose training was not watched."""

from dataclasses import replace

from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause, Excluded, Explanation, Remedy
from whydiff.diagnosis.calls.loops import UNWATCHED
from whydiff.experiments.explain.call_fixes import first_other_draw, from_the_start, wanted_of
from whydiff.testing.sides import a_side, draw, ledger


def run(*seeds):
    return a_side(execution={"ledger": ledger(*(draw("dense/kernel", s) for s in seeds))}).execution


def answered(*causes):
    return Explanation(
        question="?", between="runs", a={}, b={}, chosen="", identical=False,
        first_divergence=None, causes=causes, excluded=(Excluded("noise", "none in the call"),),
        unknown=(Excluded("initialization", "not known"),), unexplained=0.0, gap={},
        remedy=Remedy("a patch", True, "seeds it", ("weights", "data-content")),
    )  # fmt: skip


LOOP = Cause("weights", "a loop changed them", CONFIRMED, "", "", share=1.0, mechanism=UNWATCHED)


def test_weights_of_an_unwatched_loop_follow_from_how_they_started():
    found = from_the_start(answered(LOOP), run(3, 5), run(3, 7))
    (cause,) = found.causes
    assert (cause.source, cause.status, cause.share) == ("initialization", CONFIRMED, None)
    assert "drew seed 5 in A and 7 in B" in cause.detail and found.unknown == ()
    assert "a loop changed them" in found.notes[0] and "was not measured" in found.notes[0]


def test_a_seed_is_no_fix_for_data_alone_before_others_were_tried():
    assert wanted_of(["data-content"]) == [["data-content"], ["initialization", "data-content"]]
    assert wanted_of(["noise", "data-order"]) == [["initialization", "data-order"]]
    assert wanted_of(["weights"]) == [["initialization"]]


def test_where_the_same_seeds_were_drawn_the_start_is_not_accused():
    assert first_other_draw(run(3, 5), run(3, 5)) is None
    found = from_the_start(answered(LOOP), run(3), run(3))
    (cause,) = found.causes
    assert cause.source == "weights" and "chance decides them" in cause.detail


def test_what_the_fix_repairs_is_confirmed_and_nothing_else():
    data = Cause("data-content", "other rows", SUSPECTED, "", "")
    rate = replace(data, source="optimizer")
    found = from_the_start(answered(data, rate), run(3), run(4))
    assert [c.status for c in found.causes] == [CONFIRMED, SUSPECTED]
