"""Predictions and evaluations against those that were locked, on plain data."""

import numpy as np
import pytest

from whydiff.core.verification import FitCheck, Verification
from whydiff.experiments.lock.calls import changed_surroundings, check_calls, reduced_calls
from whydiff.report.documents.verification import document, verdict
from whydiff.report.terminal import plain_text, screen_blocks
from whydiff.testing.calls import KERNEL, X, call

OUT = (X @ KERNEL).astype("float32")


def checked(then, now, fits=()):
    (check,) = check_calls(reduced_calls([then]), reduced_calls([now]), fits)
    return check


def fit(rounding):
    levels = {"bitwise": ("fails", ""), "rounding": (rounding, ""), "statistical": (rounding, "")}
    return FitCheck(1, "Sequential", levels, None, (), 1e-7, 1e-8, {})


def test_equal_results_hold_at_every_level():
    assert checked(call(1), call(1)).level == "bitwise"
    values = {"loss": float("nan"), "accuracy": 0.5}
    assert checked(
        call(1, "evaluate", values=values), call(1, "evaluate", values=values)
    ).level == ("bitwise")
    assert checked(call(1, "built"), call(1, "built")).level == "bitwise"


@pytest.mark.parametrize(
    ("now", "level", "why"),
    [
        (call(1, outputs=OUT * np.float32(1 + 3e-7)), "rounding", "the same weights and samples"),
        (call(1, outputs=OUT * np.float32(1.01)), "different", "with the same weights"),
        (call(1, x=X + 1, outputs=OUT), "different", "other samples were fed"),
        (call(1, kernel=KERNEL * 2), "different", "other weights"),
        (call(1, outputs=OUT[:, [0, 0]]), "different", "another shape"),
        (call(1, "call", outputs=OUT), "different", "a call of predict is locked"),
    ],
)
def test_what_moved_is_said(now, level, why):
    check = checked(call(1), now)
    assert check.level == level
    assert check.levels["bitwise"][0] == "fails" and why in check.levels["rounding"][1]


def test_weights_that_a_training_moved_hold_as_far_as_the_training():
    moved = call(1, kernel=KERNEL * np.float32(1 + 1e-6))
    for state, level in (("holds", "rounding"), ("unknown", "undecided"), ("fails", "different")):
        assert checked(call(1), moved, [fit(state)]).level == level


def test_of_many_calls_from_one_line_the_first_few_are_kept():
    assert [c.number for c in reduced_calls([call(n, line=4) for n in range(1, 30)])] == [1, 2, 3]


def test_an_upgrade_is_named():
    calls = [reduced_calls([call(1, version={"keras": v})]) for v in ("3.14.0", "3.15.1")]
    assert changed_surroundings(*calls) == ["keras: 3.14.0, now 3.15.1"]


def test_a_reader_sees_which_call_gave_other_results():
    calls = check_calls(
        reduced_calls([call(1), call(2, line=9)]),
        reduced_calls([call(1), call(2, line=9, outputs=OUT * 2)]),
        (),
    )
    found = Verification("serve.py", "whydiff.lock", "bitwise", (), (), calls=calls)
    assert (found.level, found.exit_code) == ("different", 1)
    assert "predict at line 9 gave other results" in verdict(found)
    text = plain_text(screen_blocks(document(found)))
    assert "2: predict (line 9)" in text and "1 prediction or evaluation as locked" in text
    (one, other) = found.to_dict()["calls"]
    assert (one["level"], other["level"]) == ("bitwise", "different")
