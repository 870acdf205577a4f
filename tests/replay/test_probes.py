"""What models of two trainings are asked: the same inputs, each in the form that it knows."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from whydiff.core.live import Samples
from whydiff.replay.probe import probes_of

X = np.random.default_rng(1).random((60, 5)).astype("float32")
WORDS = np.random.default_rng(2).integers(0, 9, (60, 5))
Y = np.arange(60) % 3


def fit_on(x, y=Y):
    samples = Samples((0, 0), ("x", "y"), [x, y])
    return SimpleNamespace(material=SimpleNamespace(validation=[], samples=samples))


def first(probe):
    return probe[0][0][0]


@pytest.mark.parametrize(
    ("x", "same"),
    [
        (X, X * 255),
        (X, X[:, ::-1]),
        (WORDS, np.array([3, 1, 0, 2, 8, 7, 6, 5, 4])[WORDS]),
    ],
)
def test_the_same_samples_in_another_form_are_asked_in_it(x, same) -> None:
    probes = probes_of({"a": fit_on(x), "b": fit_on(same)})
    assert np.array_equal(first(probes["a"]), x[:50])
    assert np.array_equal(first(probes["b"]), same[:50])


@pytest.mark.parametrize(
    "other",
    [
        fit_on(X),
        fit_on(X * 255, Y[::-1]),  # other samples
        fit_on(X + np.random.default_rng(3).normal(0, 0.1, X.shape).astype("float32")),
        fit_on(X[:40] * 255, Y[:40]),
    ],
)
def test_other_samples_and_equal_ones_are_asked_as_a_has_them(other) -> None:
    probes = probes_of({"a": fit_on(X), "b": other})
    assert first(probes["b"]) is first(probes["a"])
