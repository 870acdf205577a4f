"""Causes of calls get the line of the script that they come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from whydiff.core.calls import Event
from whydiff.core.findings import CONFIRMED, Cause
from whydiff.core.stack import Frame
from whydiff.diagnosis.calls.verdict import Verdict
from whydiff.experiments.explain.call_places import Pair, with_places
from whydiff.runner.client import Run
from whydiff.testing.calls import call
from whydiff.testing.sides import a_fit

SCRIPT = """\
loader = DataLoader(data, shuffle=True)
x = load()
model.fit(x, y)
print(model.evaluate(x, y))
x = x / 255
p = model.predict(x)
q = model.predict(loader)
print(accuracy_score(y, p))
"""


def at(line, script, kind="predict", source="arrays"):
    made = call(line, kind)
    facts = {**made.recipe.inputs.facts, "source": source}
    recipe = replace(made.recipe, inputs=replace(made.recipe.inputs, facts=facts))
    stack = (Frame(str(script), line, "<module>"),)
    return replace(made, recipe=recipe, stack=stack)


def placed(tmp_path, cause, a, b, read=None, events=()):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    read = b if read is None else read
    calls = [at(*one) if isinstance(one, tuple) else one for one in (a, b, read)]
    (found,) = with_places(Verdict((cause,)), Pair(*calls, events), Run(script)).causes
    return found


@pytest.mark.parametrize(
    ("source", "mechanism", "place"),
    [
        ("data-content", "input-in-another-form", "train.py:5"),
        ("data-content", "other-labels", "train.py:8"),  # labels are those of the score
        ("measurement", "threshold-on-logits", "train.py:8"),
        ("batch-size", "rows-depend-on-their-batch", "train.py:8"),
    ],
)
def test_the_place_of_a_cause(tmp_path, source, mechanism, place):
    script = tmp_path / "train.py"
    cause = Cause(source, "d", CONFIRMED, "e", "r", mechanism=mechanism)
    found = placed(tmp_path, cause, (4, script, "evaluate"), (8, script, "score"), (6, script))
    assert found.where == place
    made = place == "train.py:5"
    said = "; what predict at line 6 was given is made at train.py:5"
    assert found.detail == "d" + said * made


def test_what_fit_logs_is_measured_where_it_trains(tmp_path):
    script = tmp_path / "train.py"
    fit = replace(a_fit(1), stack=(Frame(str(script), 3, "<module>"),))
    cause = Cause("measurement", "d", CONFIRMED, "e", "r", mechanism="moving-weights")
    assert placed(tmp_path, cause, fit, (4, script, "evaluate")).where == "train.py:3"


def test_a_place_that_is_known_stays_and_one_of_another_file_is_not_guessed(tmp_path):
    script = tmp_path / "train.py"
    cause = Cause("mode", "d", CONFIRMED, "e", "r", where="model.py:7")
    assert placed(tmp_path, cause, (4, script), (6, script)).where == "model.py:7"
    elsewhere = Path("/nowhere/other.py")
    for source in ("mode", "data-content"):
        cause = Cause(source, "d", CONFIRMED, "e", "r")
        assert placed(tmp_path, cause, (4, elsewhere), (6, elsewhere)).where == ""


def test_a_loader_that_shuffles_is_named(tmp_path):
    script = tmp_path / "train.py"
    cause = Cause("data-order", "d", CONFIRMED, "e", "r", mechanism="labels-of-another-pass")
    read = (7, script, "predict", "torch DataLoader")
    found = placed(tmp_path, cause, (4, script, "evaluate"), (8, script, "score"), read)
    assert "DataLoader(...) does so (train.py:1)" in found.detail
    assert "give DataLoader(...) shuffle=False for what is evaluated (train.py:1)" in found.remedy
    assert found.where == "train.py:1"


@pytest.mark.parametrize("trained", [4, 6])
def test_the_call_that_passes_a_training_flag_is_its_place(tmp_path, trained):
    script = tmp_path / "train.py"
    one, other = at(4, script), at(6, script)
    calls = [
        replace(c, recipe=replace(c.recipe, mode={"training": True})) if c.line == trained else c
        for c in (one, other)
    ]
    cause = Cause("mode", "line 4 vs. line 6", CONFIRMED, "e", "r", mechanism="training-flag")
    assert placed(tmp_path, cause, *calls).where == f"train.py:{trained}"


def test_what_was_done_to_a_model_is_the_place_of_what_it_changed(tmp_path):
    script = tmp_path / "train.py"
    stack = (Frame(str(script), 2, "<module>"),)
    events = [Event(1, 0, "load_model", "m", 1, stack), Event(2, 0, "load_model", "n", 9)]
    for mechanism, place in (("setting-lost", "train.py:2"), ("quantized", "train.py:6")):
        cause = Cause("architecture", "d", CONFIRMED, "e", "r", mechanism=mechanism)
        assert placed(tmp_path, cause, (4, script), (6, script), events=events).where == place


def test_a_line_that_a_sentence_names_is_left_to_it(tmp_path):
    script = tmp_path / "train.py"
    cause = Cause("weights", "loaded at line 2", CONFIRMED, "e", "r", mechanism="another-file")
    assert placed(tmp_path, cause, (4, script), (6, script)).where == ""
