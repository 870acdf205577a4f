"""An answer written as JSON comes back as it was; anything else is refused with a reason."""

import itertools
import json
import math

import pytest

from whydiff.cli.output import write_json
from whydiff.core.errors import WhydiffError
from whydiff.report.documents import document_of
from whydiff.report.terminal import plain_text, screen_blocks
from whydiff.storage.answers import keep, read_answer
from whydiff.testing import answers

MADE = [
    answers.explanation(),
    answers.diff(),
    answers.study(),
    answers.comparison(),
    answers.bisection(),
    answers.matrix(),
    answers.runs(),
]


@pytest.mark.parametrize("made", MADE)
def test_what_was_written_comes_back(tmp_path, made):
    path = tmp_path / "answer.json"
    write_json(str(path), made.to_dict())
    assert read_answer(path) == made


def test_numbers_that_were_not_finite_come_back_as_nan(tmp_path):
    path = tmp_path / "answer.json"
    write_json(str(path), answers.study(failed=answers.unknown()).to_dict())
    assert math.isnan(read_answer(path).failed.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d | {"schema": 2}, "answer format 2"),
        (lambda d: d | {"causes": {}}, "not a list"),
        (lambda d: d | {"identical": "no"}, "identical"),
        (lambda d: d | {"question": 3}, "question"),
        (lambda d: d | {"causes": [{"source": "x"}]}, "damaged"),
        (lambda d: d | {"causes": [1]}, "not a JSON object"),
        (lambda d: d | {"compared": None}, "not a JSON object"),
        (lambda d: {"schema": 1}, "no"),
        (lambda d: {"hello": 1}, "not an answer"),
        (lambda d: [1], "not an answer"),
    ],
)
def test_anything_else_is_refused_with_the_reason(tmp_path, change, reason):
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(change(answers.explanation().to_dict())))
    with pytest.raises(WhydiffError, match=reason):
        read_answer(path)


def test_a_search_that_was_stopped_is_told_from_its_answer(tmp_path):
    path = tmp_path / "search.json"
    keep(path, {"target": "train.py"}, "cells", answers.matrix().cells)
    with pytest.raises(WhydiffError, match="not finished"):
        read_answer(path)


def paths(value, so_far=()):
    """Every place in plain data, deepest first."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in inside:
        if isinstance(inner, dict | list):
            yield from paths(inner, (*so_far, key))
        yield (*so_far, key)


def changed(value, path, new):
    """A copy of plain data with another value at a place."""
    copy = json.loads(json.dumps(value))
    inside = copy
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = new
    return copy


@pytest.mark.parametrize("made", MADE[:2], ids=lambda made: type(made).__name__)
def test_evidence_of_another_type_is_refused_or_has_a_page(tmp_path, made):
    whole, path = json.loads(json.dumps(made.to_dict())), tmp_path / "answer.json"
    tried = refused = 0
    others = itertools.cycle([7.5, "text", ["list"], {"an": "object"}])
    for place, new in zip(paths(whole["evidence"]), others, strict=False):
        path.write_text(json.dumps(changed(whole, ("evidence", *place), new)))
        tried += 1
        try:
            page = plain_text(screen_blocks(document_of(read_answer(path)), verbose=True))
        except WhydiffError as error:
            refused += 1
            assert "is damaged: answer.evidence" in str(error)
        else:
            assert page
    assert refused > tried / 4


@pytest.mark.parametrize("text", ["", "no", "[" * 100_000, "\xff"])
def test_what_is_no_json_is_refused(tmp_path, text):
    path = tmp_path / "answer.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(WhydiffError, match="is not JSON"):
        read_answer(path)
    with pytest.raises(WhydiffError, match="cannot read"):
        read_answer(tmp_path / "missing.json")
