"""Lock files: a round trip, a text that a person reviews, and files nobody should trust."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.lock import Lock, Replicas
from whydiff.experiments.lock.reference import as_execution, reduced_fit, reduced_lock
from whydiff.stats.sketch import sketch
from whydiff.storage.lockfile import lock_text, read_lock, write_lock
from whydiff.testing.sides import a_side


@pytest.fixture
def lock():
    side = a_side()
    made = reduced_lock(side.execution, Path("train.py"), {}, side.execution.fits)
    weights = sketch([np.arange(9.0)])
    fits = tuple(replace(f, weights=weights, predictions=weights, classes=(1, 2), probe=2)
                 for f in made.fits)  # fmt: skip
    return replace(made, fits=fits, replicas={1: Replicas((1, 2), {"loss": (0.5, 0.25)})})


@pytest.fixture
def path(tmp_path, lock):
    file = tmp_path / "whydiff.lock"
    write_lock(lock, file)
    return file


def test_round_trip(path, lock):
    again = read_lock(path)
    assert lock_text(again) == lock_text(lock) == path.read_text()
    assert isinstance(again, Lock)
    assert again.fits[0].tensors == lock.fits[0].tensors
    assert again.replicas == lock.replicas
    assert again.ledger == lock.ledger


def test_numbers_that_json_lacks_survive(path, lock):
    epochs = tuple(replace(e, logs={"loss": float("nan"), "a": float("inf")})
                   for e in lock.fits[0].epochs)  # fmt: skip
    write_lock(replace(lock, fits=(replace(lock.fits[0], epochs=epochs),)), path)
    logs = read_lock(path).fits[0].epochs[0].logs
    assert logs["loss"] != logs["loss"] and logs["a"] == float("inf")


def test_a_lock_is_a_side_that_equals_its_origin(lock):
    side = a_side()
    reduced = [reduced_fit(f, None) for f in side.execution.fits]
    execution = as_execution(lock, reduced, [f.recipe for f in side.execution.fits])
    recipe = execution.fits[0].recipe
    assert recipe.initialization == side.recipe.initialization
    assert recipe.data_order is side.recipe.data_order  # lent, since the digests agree
    assert dict(recipe.optimizer) == dict(side.recipe.optimizer)


def test_every_tensor_and_epoch_is_a_line(path):
    lines = path.read_text().splitlines()
    assert sum('"dense/kernel", "trainable"' in line for line in lines) >= 2
    assert max(map(len, lines)) < 250


# --- hostile files ------------------------------------------------------------------------------


def refused(path):
    with pytest.raises(WhydiffError) as error:
        read_lock(path)
    assert error.value.way_out
    return str(error.value)


def test_missing(tmp_path):
    assert "there is no lock" in refused(tmp_path / "no.lock")


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "{", "\x00", '"whydiff lock"', "1" * 5000,
                                  "[" * 100_000, '{"whydiff lock": NaN}'])  # fmt: skip
def test_something_else(tmp_path, text):
    file = tmp_path / "a.lock"
    file.write_text(text)
    assert "is not a lock that can be read" in refused(file)


def test_not_text_and_a_folder(tmp_path):
    file = tmp_path / "a.lock"
    file.write_bytes(b"\xff\xfe\x00")
    refused(file)
    refused(tmp_path)


def test_truncated_anywhere(path):
    text = path.read_text()
    for cut in random.Random(0).sample(range(1, len(text) - 2), 60):
        path.write_text(text[:cut])
        refused(path)


def _places(value, at=()):
    yield at
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(part, dict | list):
            yield from _places(part, (*at, key))
        else:
            yield (*at, key)


ODD = (None, True, -1, 1.5, "odd", [], {}, [[]], {"a": [1]}, [None])


def test_any_value_replaced_by_any_other_is_read_or_refused_never_a_crash(path):
    original = json.loads(path.read_text())
    rng = random.Random(1)
    places = [p for p in _places(original) if p]
    outcomes = set()
    for place in rng.sample(places, min(250, len(places))):
        damaged = json.loads(json.dumps(original))
        inner = damaged
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = rng.choice(ODD)
        path.write_text(json.dumps(damaged))
        try:
            outcomes.add(bool(read_lock(path)))
        except WhydiffError as error:
            outcomes.add(str(path) in str(error) and bool(error.way_out) and "refused")
    assert outcomes == {True, "refused"}


@pytest.mark.parametrize(
    ("find", "instead"),
    [
        ('"fit": 1,', '"fit": 2,'),
        ('"fits": [', '"fits": {}, "x": ['),
        ('"digests": "', '"digests": 3, "x": "'),
        ('"relative": false', '"relative": 0'),
        ('"unit": "sample"', '"unit": "dozen"'),
        ('"seeds": [1, 2]', '"seeds": [1]'),
        ('"loss": [0.5, 0.25]', '"loss": ["a", 0.25]'),
        ('"probe": 2', '"probe": true'),
        ('"model": "', '"mode1": "'),
    ],
)
def test_wrong_types_are_refused(path, find, instead):
    text = path.read_text()
    assert find in text
    path.write_text(text.replace(find, instead, 1))
    assert "is not a lock that can be read" in refused(path)
