"""What the values of inputs and labels say beyond that they differ."""

from __future__ import annotations

import pytest

from whydiff.core.findings import CONFIRMED, Cause, Excluded
from whydiff.diagnosis.calls.related import in_one_order, scaled_within, with_labels_related
from whydiff.diagnosis.calls.verdict import Verdict
from whydiff.testing.calls import call

FORM = Verdict(
    (
        Cause("data-content", "B is A", CONFIRMED, "e", "r", mechanism="input-in-another-form"),
        Cause("weights", "w", CONFIRMED, "e", "r"),
    )
)


def model(scale, kind="Rescaling"):
    return call(
        1, architecture={"layers": [f"first: {kind}", "out: Dense"], "layer:first:scale": scale}
    )


@pytest.mark.parametrize(
    ("scale", "factors", "side"),
    [
        (1 / 255, (1 / 255,), "B"),
        (1 / 255, (255.0,), "A"),
        (1 / 127.5, (0.0, 1 / 127.5), "B"),
    ],
)
def test_a_layer_that_scales_what_was_scaled_before(scale, factors, side):
    form, weights = scaled_within(FORM, model(scale), factors).causes
    assert f"the model's layer first multiplies by 1/{1 / scale:g} itself" in form.detail
    assert f"the inputs of {side} are scaled twice" in form.detail
    assert "layer first" in form.remedy and f"that {side} has outside" in form.remedy
    assert weights == FORM.causes[1]


@pytest.mark.parametrize(
    ("scale", "factors", "kind"),
    [
        (1 / 255, (1 / 127.5,), "Rescaling"),
        (1 / 255, (0.0,), "Rescaling"),
        (1 / 255, (), "Rescaling"),
        (1.0, (1.0,), "Rescaling"),
        (None, (1 / 255,), "Rescaling"),
        (1 / 255, (1 / 255,), "Scale"),  # of a class of the script's own: who knows what it does
    ],
)
def test_layers_that_do_something_else(scale, factors, kind):
    assert scaled_within(FORM, model(scale, kind), factors) == FORM


@pytest.mark.parametrize(
    ("kinds", "mechanism"),
    [
        (("encoded",), "classes-numbered-otherwise"),
        (("scaled",), "other-labels"),
        (("",), "other-labels"),
        (("encoded", "encoded"), "other-labels"),
        ((), "other-labels"),
    ],
)
def test_labels_that_follow_from_the_others(kinds, mechanism):
    cause = Cause("data-content", "d", CONFIRMED, "e", "r", mechanism="other-labels")
    (found,) = with_labels_related(Verdict((cause,)), kinds, ("B is A + 1",) * len(kinds)).causes
    assert found.mechanism == mechanism
    related = len(kinds) == 1 and kinds[0]
    assert found.detail == ("d; of the labels B is A + 1" if related else "d")


@pytest.mark.parametrize(
    ("kinds", "known"),
    [
        (("scaled",), True),
        (("equal", "encoded"), True),
        (("near",), False),  # most rows are nearest to theirs, not all
        (("",), False),
        (("equal",), False),  # then it is not the inputs that differ
        ((), False),
    ],
)
def test_rows_that_follow_from_each_other_are_in_one_order(kinds, known):
    doubt = Excluded("data-order", "the samples are others"), Excluded("weights", "w")
    found = in_one_order(Verdict(unknown=doubt), kinds)
    assert [one.source for one in found.unknown] == (
        ["weights"] if known else ["data-order", "weights"]
    )
    assert [one.source for one in found.excluded] == (["data-order"] if known else [])
    assert in_one_order(Verdict(), kinds) == Verdict()  # no doubt, nothing to say
