"""What the calls in two loops of the script's own tell of why their models differ."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.calls import Event, Origin
from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause, Excluded
from whydiff.core.stack import Frame
from whydiff.diagnosis.calls.own_loops import last_steps, with_steps
from whydiff.diagnosis.calls.verdict import Verdict
from whydiff.testing.calls import KERNEL, X, call, execution

TRAINED = Origin("changed by a loop (optimizer.step at line 15)", "unwatched", line=15)
VERDICT = Verdict(
    causes=(Cause("weights", "changed", CONFIRMED, "", "", mechanism="trained-by-unwatched-loop"),),
    excluded=(Excluded("data-order", "in the same order"), Excluded("mode", "equal")),
    unknown=(Excluded("initialization", "not known"),),
)


def steps(first, model, kernels, batches=None):
    """The steps of a loop at one line: one per kernel, each fed a batch."""
    fed = batches or [X + i for i in range(len(kernels))]
    return [
        call(first + i, "call", line=12, model=model, kernel=k, x=x, origin=TRAINED)
        for i, (k, x) in enumerate(zip(kernels, fed, strict=True))
    ]


def loop(model, after_call, **settings):
    facts = {"optimizer": {"class": "Adam", "learning_rate": 0.01, **settings}}
    frames = (Frame("train.py", 15, "train", ""),)
    return Event(model, after_call, "loop", f"m{model}", model, frames, facts)


def two_loops(*, begin=KERNEL, rate=0.1, batches=None):
    one = steps(1, 1, [KERNEL, KERNEL + 1, KERNEL + 2])
    other = steps(4, 2, [begin, KERNEL + 3, KERNEL + 4], batches)
    events = loop(1, 1), loop(2, 4, learning_rate=rate)
    return execution(*one, *other, events=events)


def judged(run):
    a, b = last_steps(run)
    verdict = with_steps(VERDICT, (run, run), a, b)
    suspects = {c.source: c for c in verdict.causes if c.status == SUSPECTED}
    return suspects, {e.source for e in verdict.excluded}, {u.source for u in verdict.unknown}


def test_the_last_steps_of_two_loops_are_held_against_each_other():
    run = two_loops()
    assert [c.number for c in last_steps(run)] == [3, 6]
    assert last_steps(replace(run, events=run.events[:1])) is None, "one loop"
    fed = [X, X + 1, X * 7]
    assert [c.number for c in last_steps(two_loops(batches=fed))] == [2, 5], "fed the same"
    assert last_steps(execution(*run.calls[:1], *run.calls[3:4], events=run.events)) is None


def test_two_loops_that_end_alike_are_no_pair():
    one, other = steps(1, 1, [KERNEL, KERNEL + 1]), steps(3, 2, [KERNEL, KERNEL + 1])
    assert last_steps(execution(*one, *other, events=(loop(1, 1), loop(2, 3)))) is None


def test_another_optimizer_is_suspected_and_what_the_steps_share_is_ruled_out():
    suspects, excluded, unknown = judged(two_loops())
    assert list(suspects) == ["optimizer"] and suspects["optimizer"].intended
    assert suspects["optimizer"].detail == "Adam, learning_rate: 0.01 vs. 0.1"
    assert "equal up to step 1, behind it they differ" in suspects["optimizer"].evidence
    assert {"initialization", "data-order", "data-content", "batch-size", "mode"} == excluded
    assert not unknown


def test_weights_that_the_loops_begin_with_are_suspected():
    suspects, excluded, _ = judged(two_loops(begin=KERNEL * 2, rate=0.01))
    assert list(suspects) == ["initialization"]
    assert "begin with other weights: dense/kernel" in suspects["initialization"].detail
    assert "initialization" not in excluded


@pytest.mark.parametrize(
    ("batches", "source"),
    [([X + 1, X, X + 2], "data-order"), ([X, X * 5, X + 2], "data-content")],
)
def test_what_the_loops_are_fed_is_suspected(batches, source):
    suspects, excluded, _ = judged(two_loops(rate=0.01, batches=batches))
    assert list(suspects) == [source]
    assert not {"data-order", "data-content"} & excluded


def test_targets_and_what_else_was_not_seen_is_not_ruled_out_as_equal():
    run = two_loops()
    a, b = last_steps(run)
    content = next(
        e for e in with_steps(VERDICT, (run, run), a, b).excluded if e.source == "data-content"
    )
    assert "targets are not watched" in content.evidence


def test_weights_that_no_loop_trained_say_nothing_of_loops():
    run = two_loops()
    a, b = last_steps(run)
    other = replace(VERDICT, causes=(replace(VERDICT.causes[0], mechanism="trained-apart"),))
    assert with_steps(other, (run, run), a, b) is other
    assert with_steps(VERDICT, (run, run), a, run.calls[1]) is VERDICT, "one model"


def test_samples_of_another_size_are_compared_too():
    fed = [np.concatenate([X, X]), X + 1, X + 2]
    suspects, _, _ = judged(two_loops(rate=0.01, batches=fed))
    assert set(suspects) <= {"data-order", "data-content"} and suspects


def test_the_loops_of_two_scripts_are_compared_with_the_events_of_each():
    run = two_loops()
    slow = execution(*steps(1, 1, [KERNEL, KERNEL + 5, KERNEL + 6]), events=(loop(1, 1),))
    fast = replace(slow, calls=run.calls[:3], events=(loop(1, 1, learning_rate=0.5),))
    verdict = with_steps(VERDICT, (fast, slow), fast.calls[-1], slow.calls[-1])
    suspects = [c.detail for c in verdict.causes if c.status == SUSPECTED]
    assert suspects == ["Adam, learning_rate: 0.5 vs. 0.01"]
