"""What another floatx brings about is no cause beside it."""

from dataclasses import replace

import pytest

from whydiff.core.findings import DIFFERS, Diff
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.sources import compare_all
from whydiff.testing.sides import a_side, changed

FOLLOWERS = ("initialization", "data-content", "optimizer")


def sides(rate=0.01000214, floatx="float16", held=("float32", "float16")):
    """A fit in float32 and one in ``floatx``, whose weights and arrays are ``held`` so."""
    one, other = (_held(a_side(), t) for t in held)
    precision = {**one.recipe.precision, "policy:dense": "float32"}
    one = changed(one, precision={**precision, "floatx": "float32"},
                  optimizer={**one.recipe.optimizer, "learning_rate": 0.01})  # fmt: skip
    other = changed(other, precision={"policy:dense": "float16", "floatx": floatx},
                    optimizer={**other.recipe.optimizer, "learning_rate": rate})  # fmt: skip
    return one, other


def _held(side, kind):
    weights = tuple(replace(t, dtype=kind, digest=t.digest + kind)
                    for t in side.recipe.initialization)  # fmt: skip
    content = side.recipe.data_content
    samples = content.samples + (1000 if kind == "float16" else 0)
    content = replace(content, signature=(f"x: {kind} (3,)",), samples=samples)
    return changed(side, initialization=weights, data_content=content)


def compared(a, b):
    return ComparedSides(
        "scripts", "", a, b, Diff("A", "B", False, None, compare_all(a, b)), ("a", "b")
    )


def test_weights_arrays_and_rates_of_another_float_type_are_counted_with_the_precision():
    both = compared(*sides())
    assert both.counted_with == dict.fromkeys(FOLLOWERS, "precision")
    assert both.movable() == ["precision"]
    assert set(both.follows["precision"]) == {*FOLLOWERS}
    texts = {f.source: f.evidence for f in both.findings}
    assert (
        texts["initialization"]
        == "the weights are drawn and held as float32 in A and as float16 in B"
    )
    assert "one number, rounded to float32 in A and to float16 in B" in texts["optimizer"]
    assert "cast to float32 in A and to float16 in B" in texts["data-content"]


@pytest.mark.parametrize(
    ("floatx", "rate"), [("float16", 0.02), ("float16", 0.010009766), ("bfloat16", 0.01007)]
)  # the second is the next number of float16 behind 0.01
def test_another_rate_is_a_cause_beside_it(floatx, rate):
    both = compared(*sides(rate, floatx, ("float32", floatx)))
    assert "optimizer" not in both.counted_with and "optimizer" in both.movable()


def test_a_rate_is_rounded_as_bfloat16_rounds():
    both = compared(*sides(0.01000977, "bfloat16", ("float32", "bfloat16")))
    assert both.counted_with["optimizer"] == "precision"


def test_without_another_floatx_nothing_follows():
    a, b = sides(floatx="float32")
    assert compared(a, b).counted_with == {}
    found = {f.source: f.status for f in compare_all(a, b)}
    assert found["data-content"] == DIFFERS
