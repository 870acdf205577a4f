"""Inputs that went through a layer outside of the model, adapted to other data."""

from __future__ import annotations

from whydiff.core.calls import LEARNED, Event
from whydiff.core.findings import CONFIRMED, Cause
from whydiff.core.stack import Frame
from whydiff.diagnosis.calls.adapted import Way, ways, with_adapted
from whydiff.diagnosis.calls.verdict import Verdict
from whydiff.testing.calls import call

A, B = call(1), call(2)


def adapted(after, line, mean=0.0, layer="norm", **learned):
    facts = {"layer": layer, LEARNED: learned or {"mean": [mean], "variance": [1.0]}}
    return Event(line, after, "adapt", "", 0, (Frame("train.py", line, "<module>"),), facts)


def lines(found):
    return [tuple(e and e.stack[-1].line for e in (way.one, way.other)) for way in found]


def test_the_latest_adapt_before_each_call_comes_first():
    events = [adapted(0, 5), adapted(1, 7, 2.0), adapted(2, 9, 3.0)]
    assert lines(ways(A, B, events, events))[0] == (5, 7)
    assert (5, 9) not in lines(ways(A, B, events, events))  # it was adapted behind B


def test_one_layer_comes_before_two_and_a_side_alone_last():
    events = [adapted(0, 4, 1.0), adapted(0, 5, 1.5, "other"), adapted(1, 7, 2.0)]
    found = lines(ways(A, B, events, events))
    assert found[0] == (4, 7)
    assert found.index((5, 7)) < found.index((5, None)) and (None, 7) in found


def test_what_learned_the_same_or_is_of_another_kind_is_no_way():
    same = [adapted(0, 5), adapted(1, 7)]
    assert lines(ways(A, B, same, same)) == [(5, None), (None, 7), (None, 5)]
    words = [adapted(0, 5), adapted(1, 7, vocabulary=["a"])]
    assert lines(ways(A, B, words, words)) == [(5, None), (None, 5)]
    none = [Event(1, 0, "adapt", "", 0, (), {"layer": "bins"})]
    assert ways(A, B, none, none) == []


CAUSE = Cause("data-content", "each column is scaled", CONFIRMED, "swapped", "r",
              mechanism="input-in-another-form")  # fmt: skip
WEIGHTS = Cause("weights", "w", CONFIRMED, "e", "r")


def told(one, other):
    cause, weights = with_adapted(Verdict((CAUSE, WEIGHTS)), Way(one, other)).causes
    assert weights == WEIGHTS and cause.evidence.startswith("swapped; ")
    return cause


def test_the_layer_and_both_lines_are_named():
    cause = told(adapted(0, 5), adapted(1, 7, 2.0))
    assert cause.detail == (
        "each column is scaled; the layer norm made both of the same data: adapted at line 5 for "
        "A, and to other data at line 7 for B"
    )
    assert (cause.mechanism, cause.where) == ("adapted-again", "train.py:7")
    assert "adapt once" in cause.remedy


def test_two_layers_are_both_named():
    cause = told(adapted(0, 5), adapted(0, 6, 2.0, "norm_1"))
    assert "norm, adapted at line 5, those of A, and norm_1, adapted to other" in cause.detail


def test_a_layer_on_one_side_is_another_form():
    cause = told(None, adapted(0, 5))
    assert cause.detail.endswith("B is what the layer norm, adapted at line 5, makes of the inputs"
                                 " of A")  # fmt: skip
    assert (cause.mechanism, cause.where) == ("input-in-another-form", "train.py:5")
    assert "A is what" in told(adapted(0, 5), None).detail
