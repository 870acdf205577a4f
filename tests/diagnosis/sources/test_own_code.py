"""Bytecode of two versions of Python says nothing about the script's text."""

import pytest

from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN
from whydiff.diagnosis.calls.fields import compare
from whydiff.diagnosis.sources import CATALOGUE, compare_all
from whydiff.experiments.lock.differences import digest_findings
from whydiff.experiments.lock.reference import reduced_fit
from whydiff.storage.lockfile import fit_digests
from whydiff.testing.calls import DENSE, call
from whydiff.testing.sides import a_side, changed

ONE, OTHER = "0123456789abcdef", "fedcba9876543210"


def sides_of(pythons, source, a, b):
    """Two sides whose recipes hold these facts, under these versions of Python."""
    sides = []
    for python, facts in zip(pythons, (a, b), strict=True):
        side = a_side()
        side = changed(side, version={**side.recipe.version, "python": python})
        sides.append(changed(side, **{source: {**getattr(side.recipe, source), **facts}}))
    return sides


def found(pythons, source, a, b):
    """The finding of a source, by whichever way it is asked for."""
    sides = sides_of(pythons, source, a, b)
    (finding,) = {f for f in compare_all(*sides) if f.source == source}
    assert finding == next(one for one in CATALOGUE if one.id == source).compare(*sides)
    return finding


@pytest.mark.parametrize(
    ("source", "key", "text"),
    [
        ("objective", "code:loss", "{}"),
        ("optimizer", "code:optimizer", "{}"),
        ("objective", "loss_fn", "weighted_mse:{}"),
        ("duration", "callbacks", ["LambdaCallback(, <lambda>:{})"]),
    ],
)
def test_other_bytecode_is_another_function_only_under_one_python(source, key, text):
    def facts(digest):
        return {
            key: [t.format(digest) for t in text] if isinstance(text, list) else text.format(digest)
        }

    def status(*pythons):
        return found(pythons, source, facts(ONE), facts(OTHER))

    assert status("3.12.1", "3.12.8").status == DIFFERS
    unclear = status("3.10.4", "3.12.1")
    assert unclear.status == UNKNOWN and "Python 3.10 and 3.12" in unclear.evidence
    assert found(("3.10.4", "3.12.1"), source, facts(ONE), facts(ONE)).status == IDENTICAL


def test_a_setting_that_differs_is_still_found():
    a = {"code:optimizer": ONE, "learning_rate": 0.1}
    told = found(
        ("3.10.4", "3.12.1"), "optimizer", a, {**a, "code:optimizer": OTHER, "learning_rate": 0.2}
    )
    assert told.status == DIFFERS and "learning_rate" in told.evidence
    assert ONE not in told.evidence and "code" not in told.evidence


def test_digests_of_arrays_are_compared_under_any_python():
    a, b = ({"loss.weights": f"float32[20]:{digest}"} for digest in (ONE, OTHER))
    assert found(("3.10.4", "3.12.1"), "objective", a, b).status == DIFFERS


@pytest.mark.parametrize("source", ["objective", "optimizer", "architecture"])
def test_a_lock_without_details_accuses_no_function_under_another_python(source):
    def locked(*pythons):
        sides = sides_of(pythons, source, {"code:own": ONE}, {"code:own": OTHER})
        lines = (fit_digests(reduced_fit(side.fit, None)) for side in sides)
        return next(f for f in digest_findings(*lines, "") if f.source == source).status

    assert (locked("3.12.1", "3.12.8"), locked("3.10.4", "3.12.1")) == (DIFFERS, UNKNOWN)


@pytest.mark.parametrize(
    ("source", "first", "other"),
    [
        ("architecture", {**DENSE, "code:own": ONE}, {**DENSE, "code:own": OTHER}),
        ("measurement", {"metrics": [f"own:{ONE}"]}, {"metrics": [f"own:{OTHER}"]}),
        ("objective", {"code:loss": ONE}, {"code:loss": OTHER}),
    ],
)
def test_measuring_calls_accuse_no_function_under_another_python(source, first, other):
    def compared(*pythons):
        calls = [
            call(n, "evaluate", version={"python": python}, **{source: facts})
            for n, python, facts in zip((1, 2), pythons, (first, other), strict=True)
        ]
        return compare(*calls)

    assert compared("3.12.1", "3.12.8").finding(source).status == DIFFERS
    unclear = compared("3.10.4", "3.12.1")
    assert unclear.finding(source).status == UNKNOWN and not unclear.compiled
    assert "Python 3.10 and 3.12" in unclear.finding(source).evidence
