"""Differences that the script itself asks for, in a sentence each."""

from dataclasses import replace

import pytest

from whydiff.core.findings import DIFFERS, Finding
from whydiff.fixes.intentional import asked_sentences, finding_sentence
from whydiff.script_text.edits import parse
from whydiff.testing.sides import a_side, changed, draw, ledger, order, shuffled


def two_fits(*entries, **fields):
    """Two fits of one run with this ledger; ``fields`` are B's."""
    a = a_side(execution={"ledger": ledger(*entries)}, data_order=shuffled(1))
    return a, changed(a, fit={"index": 2}, **fields)


def asked(a, b, text=""):
    return asked_sentences(parse(text) if text else None, a, b)


def test_seeds_that_the_script_writes():
    a, b = two_fits(draw("dense", 1, explicit=True), draw("dense", 2, explicit=True, fit=2))
    assert asked(a, b) == {
        "initialization": "The script itself gives the initializer of dense seed 1 in one model "
        "and 2 in the other: give both the same seed if that is not intended."
    }
    noise = [draw(None, s, explicit=True, fit=s, kind="seed generator") for s in (1, 2)]
    assert asked(*two_fits(*noise)) == {
        "noise": "The script itself gives the seed generator seed 1 in one model and 2 in the "
        "other: give both the same seed if that is not intended."
    }


def test_the_first_seeds_that_differ_are_told_in_the_order_of_the_draws():
    entries = [draw("a", 5, explicit=True), draw("b", 6, explicit=True),
               draw("a", 5, explicit=True, fit=2), draw("b", 7, explicit=True, fit=2)]  # fmt: skip
    a, b = two_fits(*entries)
    turned = changed(a, execution={"ledger": tuple(reversed(a.execution.ledger))})
    for one in (a, turned):
        other = changed(b, execution={"ledger": one.execution.ledger})
        assert (
            "the initializer of b seed 6 in one model and 7" in asked(one, other)["initialization"]
        )


@pytest.mark.parametrize("explicit", [(True, False), (False, True), (False, False)])
def test_seeds_that_were_drawn_are_not_asked_for(explicit):
    entries = [draw("d", s, explicit=e, fit=s) for s, e in zip((1, 2), explicit, strict=True)]
    assert asked(*two_fits(*entries)) == {}


def test_draws_that_do_not_correspond_say_nothing():
    assert asked(*two_fits()) == {}
    three = [draw("d", 1, explicit=True), draw("d", 2, explicit=True, fit=2),
             draw("e", 3, explicit=True, fit=2)]  # fmt: skip
    assert asked(*two_fits(*three)) == {}


def test_other_initializers_of_equal_seeds():
    entries = [
        draw("a", 1),
        draw("b", 1, owner="HeNormal"),
        draw("a", 1, fit=2),
        draw("b", 1, fit=2),
    ]
    assert asked(*two_fits(*entries)) == {
        "initialization": "The script asks for HeNormal in one model and GlorotUniform in the "
        "other."
    }
    other = [draw("b", 1, owner="HeNormal"), draw("b", 2, fit=2)]
    assert asked(*two_fits(*other)) == {}, "their seeds differ, too, and were drawn"


def test_one_fit_that_shuffles_and_one_that_does_not():
    a, b = two_fits(data_order=order(range(10), range(10)))
    assert asked(a, b) == {
        "data-order": "One fit takes the samples shuffled, the other in the order given: the "
        "script asks for that with `shuffle`."
    }
    assert "in the order given, the other shuffled" in asked(b, a)["data-order"]
    half = changed(b, data_order=order(range(10), [1, 0]))
    assert asked(a, half) == {}, "it shuffles, too: from its second epoch on"
    assert "data-order" in asked(changed(a, data_order=b.recipe.data_order), half)
    assert asked(a, changed(b, data_order=order(relative=False))) == {}
    stream = changed(b, data_order=order(range(10), relative=True))
    assert asked(a, stream) == asked(stream, a) == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = x.shuffle(9, seed=n)\n", 1),
        ("\na = x.shuffle(9, n)\n", 2),
        ("a = x.shuffle(9, seed=1)\nb = x.shuffle(9, seed=2)\n", 1),
        ("a = x.shuffle(9, seed=1)\nb = x.shuffle(9, seed=1)\n", 0),
        ("a = x.shuffle(9, seed=1)\nb = x.shuffle(9, seed=None)\n", 0),
        ("a = x.shuffle(9)\nshuffle(x, n)\n", 0),
        ("a = x.shuffle(9, seed=1)\nb = x.shuffle(9, seed=n)\n", 2),
        ("a = x.shuffle(9, name=n)\n", 0),
    ],
)
def test_a_pipeline_with_seeds_of_its_own(text, line):
    found = asked(*two_fits(), text)
    assert bool(found) == bool(line)
    if line:
        assert found["data-order"] == (
            f"The pipeline's shuffle has a seed of its own (line {line}): the order differs "
            "because the script gives it another one."
        )


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        (([[0, 1, 2]], [[2, 0, 1]]), True),
        (([[0, 0, 1]], [[1, 0, 0]]), True),
        (([[0, 1, 2], [0, 2, 1]], [[2, 0, 1]]), False),
        (([], [[0, 1]]), False),  # of one no order was seen
        (([], [[1, 0]]), False),
    ],
)
def test_one_fit_that_feeds_the_rows_as_they_are(orders, said):
    a, b = two_fits()
    a, b = (changed(s, data_order=order(*o)) for s, o in zip((a, b), orders, strict=True))
    for sides in ((a, b), (b, a)):
        words = ["in the order given", "shuffled"][:: 1 if sides[0] is a else -1]
        found = f"One fit takes the samples {words[0]}, the other {words[1]}: "
        assert asked(*sides).get("data-order", "").startswith(found) is said
        stream = [changed(s, data_order=replace(s.recipe.data_order, relative=True)) for s in sides]
        assert asked(*stream) == {}


def test_one_fit_of_two_runs_of_a_script_is_asked_for_the_same():
    entries = [draw("dense", 1, explicit=True)]
    a = a_side(execution={"ledger": ledger(*entries)})
    again = a_side(execution={"ledger": ledger(draw("dense", 2, explicit=True))})
    assert asked(a, again) == {}
    assert asked(a, changed(again, execution={"arguments": ("--seed", "2")}))
    assert asked(a, changed(again, execution={"script": "other.py"}))
    later = changed(again, fit={"index": 2}, execution={
        "ledger": ledger(draw("dense", 2, explicit=True, fit=2))})  # fmt: skip
    assert asked(a, later)
    assert asked(a, None) == asked(None, a) == {}


def test_a_difference_that_its_finding_calls_intentional():
    def told(evidence, detail=""):
        return finding_sentence(Finding("batch-size", DIFFERS, evidence, detail))

    assert told("32 vs. 64.") == "The batch size differs intentionally: 32 vs. 64."
    assert told("32", "batches of 32") == "The batch size differs intentionally: batches of 32."
    assert told("") == "The batch size differs intentionally."
