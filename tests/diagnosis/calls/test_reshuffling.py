"""Rows in another order: what puts them there, and advice that fits the source."""

from __future__ import annotations

import pytest

from whydiff.core.calls import REORDERS, Inputs
from whydiff.core.findings import CONFIRMED, Cause
from whydiff.diagnosis.calls.reshuffling import Reshuffling, of_own_class, with_reshuffling
from whydiff.diagnosis.calls.verdict import Verdict

IN_EPOCH, MADE = ["/tmp/run/data.py", 27], ["/tmp/run/data.py", 12]


def inputs(number, shuffle=False, **methods):
    told = {"class": "Batches", "methods": methods, "shuffle": shuffle}
    return Inputs(facts={"source": "PyDataset", "object": number, REORDERS: told})


@pytest.mark.parametrize(
    ("methods", "objects", "doer"),
    [
        (
            {"on_epoch_end": IN_EPOCH, "__init__": MADE},
            (1, 1),
            "Batches.on_epoch_end draws random numbers",
        ),
        (
            {"on_epoch_end": IN_EPOCH, "__init__": MADE},
            (1, 2),
            "Batches.__init__ draws random numbers",
        ),
        ({"__getitem__": IN_EPOCH}, (1, 2), "Batches.__getitem__ draws random numbers"),
        ({"__init__": MADE}, (1, 1), None),  # one object was made once
        ({}, (1, 1), None),
    ],
)
def test_the_method_in_which_a_class_of_the_script_draws(methods, objects, doer):
    found = of_own_class(*(inputs(n, **methods) for n in objects))
    assert (found and found.doer) == doer
    if found:
        assert found.place == ("data.py:12" if "init" in doer else "data.py:27")
        assert "shuffle=False" not in found.instead


def test_a_class_that_can_be_told_not_to_shuffle():
    found = of_own_class(*(inputs(1, shuffle=True, on_epoch_end=IN_EPOCH) for _ in range(2)))
    assert found is not None and "Batches(..., shuffle=False)" in found.instead


def test_inputs_of_no_such_class():
    assert of_own_class(Inputs(facts={"source": "arrays"}), Inputs()) is None


@pytest.mark.parametrize(
    ("kind", "known", "advice"),
    [
        (
            "PyDataset",
            Reshuffling("B.on_epoch_end draws random numbers", "b.py:3", "do not"),
            "or do not.",
        ),
        ("PyDataset", None, "on_epoch_end"),
        ("torch DataLoader", None, "DataLoader(..., shuffle=False)"),
        ("tf.data", None, "reshuffle_each_iteration=False"),
        ("arrays", None, "argsort"),
        ("generator", None, "as it was"),
    ],
)
@pytest.mark.parametrize("mechanism", ["rows-in-another-order", "labels-of-another-pass"])
def test_advice_follows_the_source(kind, known, advice, mechanism):
    cause = Cause("data-order", "d", CONFIRMED, "e", "as it was", mechanism=mechanism)
    (found,) = with_reshuffling(Verdict((cause,)), kind, known).causes
    assert advice in found.remedy
    assert found.detail == ("d; B.on_epoch_end draws random numbers (b.py:3)" if known else "d")


def test_other_causes_stay_as_they_are():
    cause = Cause("data-order", "d", CONFIRMED, "e", "r", mechanism="labels-in-another-order")
    known = Reshuffling("B.on_epoch_end draws random numbers", "b.py:3", "do not")
    assert with_reshuffling(Verdict((cause,)), "PyDataset", known).causes == (cause,)
