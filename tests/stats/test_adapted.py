"""Arrays that are one and the same data, as layers that were adapted to other data give them."""

from __future__ import annotations

import numpy as np
import pytest

from whydiff.stats.adapted import follows

RAW = np.random.default_rng(0).normal(5, 3, size=(20, 4))


def learned(data, shape=(1, 4), axis=0, **more):
    mean, variance = data.mean(axis), data.var(axis)
    return {"mean": np.ravel(mean).tolist(), "variance": np.ravel(variance).tolist(),
            "shape": list(shape), **more}  # fmt: skip


def normalized(data, by):
    mean, variance = (np.reshape(by[k], by["shape"]) for k in ("mean", "variance"))
    return ((data - mean) / np.sqrt(variance)).astype("float32")


FIRST, SECOND = learned(RAW), learned(RAW[:7] * 2 + 1)


def test_one_layer_adapted_twice_leads_from_one_to_the_other():
    a, b = normalized(RAW, FIRST), normalized(RAW, SECOND)
    assert follows(a, b, FIRST, SECOND)
    assert not follows(a, b, SECOND, FIRST)
    assert not follows(a, b, FIRST, learned(RAW[:8] * 2 + 1))
    assert not follows(a, b[::-1], FIRST, SECOND)
    assert not follows(a, b * np.float32(1.001), FIRST, SECOND)


def test_data_as_they_are_on_one_side():
    a, b = RAW.astype("float32"), normalized(RAW, SECOND)
    assert follows(a, b, None, SECOND) and follows(b, a, SECOND, None)
    assert not follows(a, b, None, FIRST) and not follows(a, b, None, None)


def test_data_far_from_zero():
    far = RAW + 1e4
    first, second = learned(far), learned(far[:9])
    assert follows(normalized(far, first), normalized(far, second), first, second)


def test_images_normalized_by_channel_and_made_flat():
    images = np.random.default_rng(1).normal(2, 5, size=(6, 4, 4, 3))
    first, second = (learned(i, (1, 1, 1, 3), (0, 1, 2)) for i in (images, images[:2] * 3))
    a, b = normalized(images, first), normalized(images, second)
    assert follows(a, b, first, second)
    # what was learned of channels says nothing of 48 columns
    assert not follows(a.reshape(6, -1), b.reshape(6, -1), first, second)


def test_a_layer_that_goes_back():
    invert = {**FIRST, "invert": True}
    assert follows(normalized(RAW, FIRST), RAW.astype("float32"), None, invert)


@pytest.mark.parametrize(
    "other",
    [
        RAW[:5].astype("float32"),
        RAW.astype("float32")[:, :3],
        np.full((20, 4), np.nan, "float32"),
    ],
)
def test_other_shapes_and_no_numbers(other):
    assert not follows(normalized(RAW, FIRST), other, FIRST, SECOND)


def test_few_rows_lie_on_any_line():
    assert not follows(normalized(RAW[:3], FIRST), normalized(RAW[:3], SECOND), FIRST, SECOND)


WORDS = {"vocabulary": ["[UNK]", "cat", "dog", "bird", "cow"]}
FEWER = {"vocabulary": ["[UNK]", "bird", "cat", "fox"]}


@pytest.mark.parametrize(
    ("b", "found"),
    [
        ([[2, 0], [1, 0], [0, 3]], True),  # cat dog, bird cow, unknown fox
        ([[2, 0], [1, 0], [0, 0]], True),
        ([[2, 0], [1, 1], [0, 3]], False),  # cow is no bird
        ([[2, 0], [0, 0], [0, 3]], False),  # bird is known there
        ([[2, 0], [1, 0], [0, 2]], False),  # A would have known cat
        ([[2, 0], [1, 0], [0, 9]], False),
        ([[1, 2], [3, 4], [0, 0]], False),  # nothing was numbered otherwise
    ],
)
def test_words_of_two_vocabularies(b, found):
    a = np.array([[1, 2], [3, 4], [0, 0]])
    assert follows(a, np.array(b), WORDS, FEWER) is found


def test_two_pairs_of_numbers_show_nothing():
    a, b = np.array([[1], [3]] * 4), np.array([[2], [1]] * 4)
    assert not follows(a, b, WORDS, FEWER)
    assert not follows(a, b, WORDS, FIRST) and not follows(a, b, WORDS, None)
