"""What is said of two runs whose model a loop of the script's own trains."""

import numpy as np
import pytest

from whydiff.core.findings import CONFIRMED, Cause, Excluded
from whydiff.diagnosis.calls.loops import UNWATCHED, fed_in_another_order, of_a_loop
from whydiff.diagnosis.calls.verdict import Verdict
from whydiff.testing.calls import KERNEL, X, call, execution

DATA = Cause("data-content", "2 of 4 rows are shared", CONFIRMED, "2 of 4; swapped in", "", 1.0)
UNKNOWN = Excluded("data-order", "the samples are others")


def loop(order, moves=True):
    """Four steps of a loop that feeds the rows of X in this order and trains the model or not."""
    kernels = [KERNEL * (1 + moves * step) for step in range(4)]
    return execution(
        *(
            call(n + 1, "call", line=9, x=X[rows], kernel=kernels[n])
            for n, rows in enumerate(np.split(np.asarray(order), 4))
        )
    )


def judged(a, b):
    verdict = Verdict((DATA,), (), (UNKNOWN,))
    return fed_in_another_order(verdict, a.calls[0], b.calls[0], (a, b))


STRAIGHT, SHUFFLED = loop(range(16)), loop(np.random.default_rng(0).permutation(16))


def test_steps_fed_the_same_samples_in_another_order_differ_in_the_order():
    verdict = judged(STRAIGHT, SHUFFLED)
    (cause,) = verdict.causes
    assert (cause.source, cause.mechanism) == ("data-order", "pipeline-shuffle")
    assert cause.detail == (
        "the same 16 samples in another order over the 4 steps of this loop that were watched"
    )
    assert (cause.share, cause.status) == (1.0, CONFIRMED)
    assert [e.source for e in verdict.excluded] == ["data-content"] and verdict.unknown == ()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(STRAIGHT, loop([*range(12), *range(4)]), id="some never come"),
        pytest.param(loop(range(16), moves=False), SHUFFLED, id="calls that train nothing"),
    ],
)
def test_other_samples_stay_other_samples(a, b):
    assert judged(a, b) == Verdict((DATA,), (), (UNKNOWN,))


def test_steps_fed_alike_are_left_as_they_were_judged():
    equal = Verdict((), (Excluded("data-content", "the same 4 samples"),))
    steps = STRAIGHT.calls[0]
    assert fed_in_another_order(equal, steps, steps, (STRAIGHT, STRAIGHT)) == equal


def test_a_call_rules_out_nothing_of_what_a_loop_before_it_was_fed():
    equal = tuple(Excluded(s, "equal in the call") for s in ("data-order", "noise", "mode"))
    weights = Cause("weights", "a loop changed them", CONFIRMED, "", "", mechanism=UNWATCHED)
    verdict = of_a_loop(Verdict((weights,), equal))
    assert [e.source for e in verdict.excluded] == ["mode"]
    assert [u.source for u in verdict.unknown] == ["data-order", "noise"]
    assert of_a_loop(Verdict((DATA,), equal)).excluded == equal
