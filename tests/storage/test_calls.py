"""Measuring calls and events come back as they were written; older recordings have none."""

import sqlite3
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from whydiff.core.calls import (
    CallRecipe,
    Event,
    GeneratorState,
    HeldValue,
    Inputs,
    Leaf,
    MeasuringCall,
    Origin,
    Output,
    Score,
)
from whydiff.core.errors import WhydiffError
from whydiff.core.recipe import Tensor
from whydiff.core.recording import Frame
from whydiff.storage import Writer, load
from whydiff.storage.codec import dump_stack, load_stack

ROWS = np.random.default_rng(0).integers(0, 2**63, (7, 2)).astype(np.uint64)
STACK = (Frame("predict.py", 12, "<module>", "model.predict(x)"),)


def same(a, b):
    if is_dataclass(a):
        return type(a) is type(b) and all(
            same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)
        )
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and bool(a == b)


def make_call(number, kind="predict", **changed):
    weights = tuple(
        Tensor(path, "trainable", (2, 1), "float32", f"{n:032x}", trained_by)
        for n, (path, trained_by) in enumerate([("dense/kernel", None), ("dense/bias", 1)])
    )
    recipe = CallRecipe(
        weights=weights,
        origins=(
            Origin("drawn with seed 42 at line 8", "drawn", draw=3, seed=42, line=8),
            Origin("file best.keras, epoch 7 of fit 1", "file", 2, fit=1, epoch=7, path="b.keras"),
        ),
        noise=(Tensor("dropout/seed_generator", "seed", (2,), "uint32", "ab" * 16),),
        generators=(GeneratorState("numpy", "aa", "bb"),),
        inputs=Inputs(
            (Leaf("x", "image", "float32", (4, 4), ROWS), Leaf("y", "", "int64", (), ROWS[::-1])),
            np.array([4, 3]),
            "sample",
            {"source": "array", "batch_size": 4},
        ),
        state=(
            HeldValue("lambda: global SCALE", "global", "lambda", "cc", 2.5, "dd", [1, "NaN"]),
            HeldValue("normalization/mean", "attribute", "normalization", "ee"),
        ),
        architecture={"layers": ["dense: Dense"]},
        mode={"training": None, "training:dropout": False, "eager": True},
    )
    outputs = (
        Output("", "float32", (7, 2), ROWS, np.arange(14, dtype=np.float32).reshape(7, 2)),
        Output("big", "float32", (7, 9999), ROWS[:, ::-1].copy()),
    )
    whole = MeasuringCall(
        number, kind, "Sequential 'sequential'", 2, STACK, recipe, outputs,
        {"loss": 0.25, "accuracy": float("inf")}, True, 0.5, None, {"method": "predict_on_batch"},
    )  # fmt: skip
    return replace(whole, **changed)


SCORE = Score("sklearn.metrics.accuracy_score", 1, "", "argmax", ROWS, {"normalize": True})
EVENTS = (
    Event(1, 0, "save", "Sequential 'a'", 1, STACK, {"path": "best.keras", "epoch": 7, "fit": 1}),
    Event(2, 3, "load_weights", "Sequential 'b'", 2, (), {"skipped": ["dense/kernel"]}),
)


def record(path, calls, events=()):
    writer = Writer(path, "predict.py", [])
    for call in calls:
        writer.call(call)
    for event in events:
        writer.event(event)
    writer.close(0)
    assert writer.trouble == ""


@pytest.mark.parametrize(
    "call",
    [
        make_call(1),
        make_call(2, "evaluate", finished=False, notes={"unknown: inputs": "a generator"}),
        make_call(3, "built", recipe=CallRecipe(), outputs=(), values={}),
        make_call(9, "score", score=SCORE, model="", model_number=0),
        make_call(9, "score", score=replace(SCORE, exchanged=True), model="", model_number=0),
    ],
    ids=lambda call: call.kind,
)
def test_a_call_comes_back(tmp_path, call):
    record(tmp_path / "a.whydiff", [call])
    (back,) = load(tmp_path / "a.whydiff").calls
    assert same(back, call)


def test_events_come_back(tmp_path):
    record(tmp_path / "a.whydiff", [], EVENTS)
    assert same(load(tmp_path / "a.whydiff").events, EVENTS)


def test_calls_and_fits_share_one_count(tmp_path, recipe):
    writer = Writer(tmp_path / "a.whydiff", "train.py", [])
    writer.call(make_call(1))
    writer.begin_fit(1, "model", (), recipe, {})
    writer.fit_call(2, 1, [3])
    writer.call(make_call(3, "evaluate"))
    writer.close(0)
    back = load(tmp_path / "a.whydiff")
    assert (back.fits[0].call, back.fits[0].models) == (2, (3,))
    assert [type(call).__name__ for call in back.in_order()] == [
        "MeasuringCall", "Fit", "MeasuringCall"
    ]  # fmt: skip


def test_a_line_of_a_notebook_keeps_its_cell() -> None:
    stack = (Frame("/tmp/ipykernel_7/617.py", 2, "<module>", "go(model)", "cell [3]"), *STACK)
    assert load_stack(dump_stack(stack), "stack") == stack
    with pytest.raises(ValueError, match="wrong types"):
        load_stack(dump_stack(stack).replace('"cell [3]"', "3"), "stack")


def test_what_many_calls_share_is_stored_once(tmp_path):
    sizes = []
    for count in (1, 201):
        path = tmp_path / f"{count}.whydiff"
        record(path, [make_call(n + 1, outputs=()) for n in range(count)])
        sizes.append(path.stat().st_size)
    assert sizes[1] - sizes[0] < 200 * 1500


def test_a_recording_from_before_calls_were_watched_has_none(recorded):
    with sqlite3.connect(recorded) as db:
        for table in ("call", "call_array", "document", "event"):
            db.execute(f"DROP TABLE {table}")
    back = load(recorded)
    assert (len(back.fits), back.calls, back.events) == (2, (), ())
    assert [fit.call for fit in back.fits] == [0, 0]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM document",
        "DELETE FROM samples",
        "DELETE FROM series",
        "UPDATE document SET text = '{'",
        "UPDATE call SET kind = 'guess'",
        "UPDATE call SET stack = '[1]'",
        "UPDATE call SET recipe = '{}'",
        'UPDATE call SET numbers = \'{"loss": "low"}\'',
        "UPDATE call SET seconds = 'long'",
        "UPDATE call SET model_number = 'one'",
        "UPDATE call_array SET shape = '[9, 9]' WHERE part = 'output'",
        "UPDATE call_array SET shape = '7'",
        "UPDATE call_array SET part = 'middle' WHERE part = 'output' AND position = 0",
        "UPDATE call_array SET data = 'text' WHERE part = 'output'",
        "UPDATE event SET facts = '[]'",
        "UPDATE event SET after_call = 'first'",
    ],
)
def test_damage_is_told(tmp_path, damage):
    path = tmp_path / "a.whydiff"
    record(path, [make_call(1)], EVENTS)
    with sqlite3.connect(path) as db:
        db.execute(damage)
    with pytest.raises(WhydiffError, match="damaged"):
        load(path)
