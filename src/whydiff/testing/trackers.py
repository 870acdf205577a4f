"""What every tracker's adapter must do, on its real local store: one function per demand.

An adapter conforms if each function in ``DEMANDS`` and ``READING`` returns without an
AssertionError::

    for demand in (*DEMANDS, *READING):
        demand(tracker, looked)

``looked`` reads a run back with the tracker's own tools, whichever they are.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.tracked import TrackedRun
from whydiff.trackers import Tracker

#: reads a run back by its id: parameters and tags as text, metrics by epoch, files by name
Look = Callable[[str], TrackedRun]
Demand = Callable[[Tracker, Look], None]


def a_run(**changes: Any) -> TrackedRun:
    """A run with names and values that a script may choose: signs, other alphabets, NaN."""
    run = TrackedRun(
        "replica 1",
        f"study of train.py {uuid.uuid4().hex[:8]}",
        {"optimizer.learning_rate": 0.001, "seed.data-order": 7, "objective.loss": "mse: <b>&é"},
        {"whydiff.kind": "draw"},
        ({"loss": 0.5, "val_loss": 0.75}, {"loss": 0.25, "val_loss": math.nan}),
        {"page.html": b"<!DOCTYPE html><p>page</p>"},
    )
    return replace(run, **changes)


def a_run_is_kept_whole(tracker: Tracker, looked: Look) -> None:
    """Parameters, tags, metrics by epoch (one of them NaN) and files."""
    run = a_run()
    kept = looked(tracker.write(run))
    assert {k: str(v) for k, v in kept.parameters.items()} == {
        k: str(v) for k, v in run.parameters.items()
    }, kept.parameters
    assert run.tags.items() <= kept.tags.items(), kept.tags
    assert [values["loss"] for values in kept.metrics] == [0.5, 0.25], kept.metrics
    assert run.files.items() <= kept.files.items(), kept.files


def equal_names_are_two_runs(tracker: Tracker, looked: Look) -> None:
    """A second study of the same name replaces nothing."""
    ids = {tracker.write(a_run(metrics=({"loss": float(n)},))) for n in (1, 2)}
    assert len(ids) == 2
    assert sorted(looked(id).metrics[0]["loss"] for id in ids) == [1.0, 2.0]


def an_answer_is_attached_to_a_run_that_is_over(tracker: Tracker, looked: Look) -> None:
    """What was there before is still there; its numbers are read back."""
    run = a_run()
    id = tracker.write(run)
    answer = {"whydiff.verdict": "differ"}, {"answer.json": b"{}"}, {"mean.acc": 0.5}
    tracker.attach(id, *answer)
    kept = looked(id)
    read = tracker.read(id)
    assert read.metrics[-1]["mean.acc"] == 0.5 and "differ" in read.tags.values(), read
    assert kept.files["answer.json"] == b"{}" and "page.html" in kept.files, kept.files
    losses = [values["loss"] for values in kept.metrics if "loss" in values]
    assert losses == [0.5, 0.25], kept.metrics


def a_training_that_failed_is_kept_as_one(tracker: Tracker, looked: Look) -> None:
    """With its reason."""
    kept = looked(tracker.write(a_run(metrics=(), failure="out of memory")))
    assert "out of memory" in kept.failure, kept


def a_run_without_anything_is_kept(tracker: Tracker, looked: Look) -> None:
    """No parameters, no epochs, no files."""
    kept = looked(tracker.write(TrackedRun("empty", a_run().group)))
    assert not kept.parameters and not kept.files


def a_run_is_read_back(tracker: Tracker, looked: Look) -> None:
    """Its parameters, tags, last metrics and files, by the adapter itself."""
    run = a_run()
    id = tracker.write(run)
    read = tracker.read(id)
    assert {k: str(v) for k, v in read.parameters.items()} == {
        k: str(v) for k, v in run.parameters.items()
    }, read.parameters
    assert run.tags.items() <= read.tags.items(), read.tags
    assert read.metrics[-1]["loss"] == 0.25, read.metrics
    assert tracker.fetch(id, "page.html") == run.files["page.html"]
    assert tracker.fetch(id, "other.html") is None


def a_run_that_is_none_is_refused(tracker: Tracker, looked: Look) -> None:
    """By its name."""
    try:
        tracker.read("0123456789abcdef0123456789abcdef")
    except WhydiffError as error:
        assert "0123456789abcdef0123456789abcdef" in str(error)
    else:
        raise AssertionError("a run that is none was read")


DEMANDS: tuple[Demand, ...] = (
    a_run_is_kept_whole,
    equal_names_are_two_runs,
    an_answer_is_attached_to_a_run_that_is_over,
    a_training_that_failed_is_kept_as_one,
    a_run_without_anything_is_kept,
)
READING: tuple[Demand, ...] = (a_run_is_read_back, a_run_that_is_none_is_refused)
