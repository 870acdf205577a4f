"""Two predictions of recordings compared, and the rows on which they differ most."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff import diff, explain
from whydiff.core.errors import WhydiffError
from whydiff.diagnosis.calls.rows import differing_rows
from whydiff.report.documents.diff import document
from whydiff.report.documents.explanation import document as explanation_document
from whydiff.report.terminal import plain_text, screen_blocks
from whydiff.storage import Writer
from whydiff.testing.calls import KERNEL, X, call, drawn

OUT = (X @ KERNEL).astype("float32")


def recorded(path, *calls, script="serve.py"):
    writer = Writer(path, script, (), {})
    for made in calls:
        writer.call(made)
    writer.close(0)
    return path


@pytest.fixture
def files(tmp_path):
    other = call(5, line=9, model=2, kernel=KERNEL * 2, origin=drawn(43))
    return (
        recorded(tmp_path / "a.whydiff", call(1), call(3, line=4)),
        recorded(tmp_path / "b.whydiff", call(3, line=4), other),
    )


def test_two_calls_are_named_by_their_numbers(files):
    a, b = files
    found = diff(f"{a}:3", f"{b}:5")
    assert found.kind == "calls" and not found.identical
    assert found.first_divergence.phase == "weights"
    differing = [f.source for f in found.findings if f.status == "differs"]
    assert differing == ["initialization"]
    text = plain_text(screen_blocks(document(found)))
    assert text.startswith("The two calls differ in the initial weights.")
    assert "call 5: predict (line 9) of serve.py" in " ".join(text.split())


def test_recordings_without_a_fit_are_explained_by_their_calls(tmp_path):
    other = call(1, line=4, kernel=KERNEL * 2, origin=drawn(43))
    a, b = (recorded(tmp_path / f"{n}.whydiff", one) for n, one in (("a", call(1)), ("b", other)))
    found = explain(a, b)
    assert [(c.source, c.status) for c in found.causes] == [("initialization", "suspected")]
    assert "not proven, as no hybrid could be run" in found.causes[0].evidence
    assert any("a recording holds digests" in note for note in found.notes)
    assert found.unexplained == 1.0 and not found.reproduced
    assert not any("decides the result" in u.evidence for u in found.unknown)
    assert explain(a, a).identical


def test_a_loop_of_one_recording_is_held_against_a_prediction_of_another(tmp_path):
    layers = {"model": "Sequential", "layers": ["dense: Dense", "dropout: Dropout"]}
    mode = {"training:dropout": False}
    at_once = call(1, noise="1" * 32, architecture=layers, mode=mode)
    pieces = [
        call(n, "call", line=9, x=x, outputs=x @ KERNEL * np.float32(2), kernel=KERNEL * 2,
             noise="2" * 32, architecture=layers, mode=mode, origin=drawn(43))
        for n, x in enumerate((X[:8], X[8:]), 1)
    ]  # fmt: skip
    a, b = recorded(tmp_path / "a.whydiff", at_once), tmp_path / "b.whydiff"
    recorded(b, *pieces, script="by_hand.py")
    found = explain(a, b)
    assert "the 2 calls of the model called at line 9 of by_hand.py" in found.chosen
    assert [c.source for c in found.causes] == ["initialization", "batch-size"]
    unknown = {u.source: u.evidence for u in found.unknown}
    assert "layers of Keras that draw in training alone" in unknown["noise"]
    assert found.notes[-1] == "Watched in A: 1 prediction; in B: 2 direct calls."
    told = [(c["of"], c["number"], c["side"]) for c in found.evidence["calls"]]
    assert told == [("A", 1, "A"), ("B", 1, "B")]
    text = " ".join(plain_text(screen_blocks(explanation_document(found))).split())
    assert text.startswith("Predict (line 1) of serve.py and the model called (line 9) of by_hand")


def test_recordings_without_a_fit_are_compared_by_their_last_calls(files):
    found = diff(*files)
    numbers = [found.evidence["calls"][side]["number"] for side in "ab"]
    assert found.kind == "calls" and numbers == [3, 5]


def test_equal_calls_agree(files):
    a, b = files
    found = diff(f"{a}:3", f"{b}:3")
    assert found.identical and found.first_divergence is None


def test_a_call_and_a_fit_are_not_compared(files):
    a, b = files
    with pytest.raises(WhydiffError, match=r"is a prediction or evaluation, .*:9 is none"):
        diff(f"{a}:3", f"{b}:9")


def test_rows_that_differ_most_come_first_and_are_found_by_their_inputs():
    moved = OUT.copy()
    moved[4] += 1
    moved[11] += 3
    a, b = call(1, outputs=OUT), call(2, x=X[::-1], outputs=moved[::-1])
    rows = differing_rows(a, b)
    assert [(r["row"], round(r["distance"], 3)) for r in rows] == [(11, 3.0), (4, 1.0)]
    assert rows[0]["b"][0] == pytest.approx(float(moved[11, 0]))
    assert differing_rows(a, call(2, outputs=OUT)) == []


def test_without_values_no_rows_are_listed():
    a = call(1)
    unkept = replace(a, outputs=tuple(replace(o, values=None) for o in a.outputs))
    assert differing_rows(unkept, call(2, outputs=OUT + np.float32(1))) == []
