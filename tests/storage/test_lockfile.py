"""Lock files: a round trip, a text that a person reviews, and files nobody should trust."""

import difflib
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.lock import Lock, Replicas
from whydiff.experiments.lock.calls import reduced_calls
from whydiff.experiments.lock.reference import as_execution, reduced_fit, reduced_lock
from whydiff.stats.sketch import sketch
from whydiff.storage.lockfile import check_lock, fit_digests, lock_texts, read_lock, write_lock
from whydiff.storage.lockread import details_path, packed
from whydiff.testing.calls import call
from whydiff.testing.sides import a_side


@pytest.fixture
def lock():
    side = a_side()
    made = reduced_lock(side.execution, Path("train.py"), {}, side.execution.fits)
    weights = sketch([np.arange(9.0)])
    fits = tuple(replace(f, weights=weights, predictions=weights, classes=(1, 2), probe=2)
                 for f in made.fits)  # fmt: skip
    calls = reduced_calls([call(1), call(2, "evaluate", values={"loss": 0.5})])
    replicas = {1: Replicas((1, 2), {"loss": (0.5, 0.25)})}
    return replace(made, fits=fits, replicas=replicas, calls=calls)


@pytest.fixture
def path(tmp_path, lock):
    file = tmp_path / "train.lock"
    write_lock(lock, file)
    return file


def test_round_trip(path, lock):
    again = read_lock(path)
    assert lock_texts(again) == lock_texts(lock)
    assert lock_texts(lock)[0] == path.read_text()
    assert isinstance(again, Lock)
    assert again.fits[0].tensors == lock.fits[0].tensors
    assert again.replicas == lock.replicas
    assert again.calls == lock.calls
    assert again.ledger == lock.ledger


def test_a_script_that_trains_nothing_has_a_lock_of_its_calls(path, lock):
    write_lock(replace(lock, fits=(), replicas={}), path)
    assert read_lock(path).calls == lock.calls
    write_lock(replace(lock, fits=(), replicas={}, calls=()), path)
    assert "not numbered 1, 2" in refused(path)


def test_outputs_without_their_details_still_have_digests(path, lock):
    details_path(path).unlink()
    again = read_lock(path)
    assert [o.digest for o in again.calls[0].outputs] == [o.digest for o in lock.calls[0].outputs]
    assert all(o.sketch is None for o in again.calls[0].outputs)


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


def test_many_fits_take_few_lines_each(lock, tmp_path):
    """Sixty fits of one model once made a lock of 12,084 lines."""
    fits = tuple(replace(lock.fits[0], index=n + 1) for n in range(60))
    write_lock(replace(lock, fits=fits, replicas={}), tmp_path / "many.lock")
    one, many = (
        len(lock_texts(x)[0].splitlines()) for x in (lock, read_lock(tmp_path / "many.lock"))
    )
    assert many - one <= 59 * 8
    assert many < 600


def changed_lines(old, new):
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    return [line for line in lines if line[0] in "+-" and not line.startswith(("+++", "---"))]


def test_a_changed_learning_rate_is_a_handful_of_lines(lock):
    fit = lock.fits[0]
    facts = {**fit.facts, "optimizer": {**fit.facts["optimizer"], "learning_rate": 0.25}}
    final = tuple(replace(t, digest="0" * 32) for t in fit.tensors["final"])
    epochs = tuple(replace(e, groups=("0" * 16,) * 5, logs={"loss": 0.9}) for e in fit.epochs)
    moved = replace(fit, facts=facts, tensors={**fit.tensors, "final": final}, epochs=epochs)
    changed = changed_lines(lock_texts(lock)[0], lock_texts(replace(lock, fits=(moved,)))[0])
    assert len(changed) == 8  # the rate, the logs, the digests, the digest of the details
    assert any('"learning_rate": 0.25' in line for line in changed)


def test_settings_of_one_fit_alone_are_told_at_that_fit(lock, tmp_path):
    fit = lock.fits[0]
    facts = {**fit.facts, "optimizer": {**fit.facts["optimizer"], "learning_rate": 0.25}}
    other = replace(fit, index=2, facts=facts)
    write_lock(replace(lock, fits=(fit, other)), tmp_path / "two.lock")
    plain = json.loads((tmp_path / "two.lock").read_text())
    assert "learning_rate" not in plain["settings"]["optimizer"]
    assert plain["fits"][1]["settings"] == {"optimizer": {"learning_rate": 0.25}}
    assert read_lock(tmp_path / "two.lock").fits == (fit, other)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda file: file.unlink(), "train.lock.details is missing"),
        (lambda file: file.write_bytes(packed("{}")), "belongs to another state of the lock"),
    ],
)
def test_without_details_digests_and_settings_are_left(path, lock, damage, why):
    damage(path.with_name("train.lock.details"))
    read = read_lock(path)
    assert why in read.without and read.fits == () and read.count == 1
    assert read.digests == (fit_digests(lock.fits[0]),)
    assert read.replicas == lock.replicas


@pytest.mark.parametrize("size", [0, 5, 30, 200])
def test_damaged_details_are_refused(path, size):
    details = path.with_name("train.lock.details")
    details.write_bytes(details.read_bytes()[:size])
    assert "details" in refused(path)


def test_details_of_somebody_else_are_not_replaced(path):
    path.with_name("train.lock.details").write_text("mine")
    with pytest.raises(WhydiffError, match=r"train\.lock\.details exists and is no"):
        check_lock(path, "train.py")
    assert path.with_name("train.lock.details").read_text() == "mine"


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
        ('"settings": {', '"settings": [], "x": {'),
        ('"digests of": {', '"digests of": {}, "x": {'),
        ('"details": "', '"details": "x'),
        ('"seeds": [1, 2]', '"seeds": [1]'),
        ('"loss": [0.5, 0.25]', '"loss": ["a", 0.25]'),
        ('"logs": {', '"1ogs": {'),
    ],
)
def test_wrong_types_are_refused(path, find, instead):
    text = path.read_text()
    assert find in text
    path.write_text(text.replace(find, instead, 1))
    assert "is not a lock that can be read" in refused(path)
