"""Rows that are the same samples in other values are told from rows that are others."""

from __future__ import annotations

import numpy as np
import pytest

from whydiff.stats.correspondence import correspondence, rounded_weights

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)) * [1, 5, 20, 3]


@pytest.mark.parametrize(
    ("b", "kind"),
    [
        (X, "equal"),
        (X - X.mean(0), "shifted"),
        ((X - X.mean(0)) / X.std(0), "scaled"),
        (X[:, ::-1] - 3.0, "shifted"),
        (np.sign(X) * np.log1p(np.abs(X)), "near"),
        (X + RNG.normal(size=X.shape) * 0.05 * X.std(0), "near"),
        (X + RNG.normal(size=X.shape) * 0.01 * X.std(0), "near"),
        (X * (1 + RNG.normal(size=X.shape) * 1e-4), "near"),
        (np.round(X * 20), "scaled"),
        (X * 1.001, "scaled"),
        (RNG.normal(size=X.shape) * X.std(0), ""),
        (X[::-1], ""),
        (X[:30], ""),
    ],
)
def test_how_rows_follow(b: np.ndarray, kind: str) -> None:
    assert correspondence(X, b).kind == kind


@pytest.mark.parametrize("columns", [[0], [0, 2], [0, 1, 2]])
def test_no_column_is_told_to_follow_that_does_not(columns: list[int]) -> None:
    """One that was drawn anew among many that are equal or scaled is what differs."""
    disturbed = X[:, [0, 1, 2, 3, 0, 1, 2, 3]].copy()
    before = disturbed.copy()
    disturbed[:, columns] *= 2
    scaled = correspondence(before, disturbed)
    assert scaled.kind == "scaled"
    assert f"{len(columns)} of 8 columns are scaled" in scaled.text
    disturbed[:, 7] = RNG.normal(size=len(X)) * 3
    for found in (correspondence(before, disturbed), correspondence(before[:, ::-1], disturbed)):
        assert found.kind not in ("scaled", "shifted") and "column" not in found.text


def test_a_column_that_was_lost_is_no_other_order_of_columns() -> None:
    lost = np.hstack([X[:, :3], np.zeros((len(X), 1))])
    for other in (lost, lost[:, ::-1], np.zeros_like(X)):
        assert correspondence(X, other).kind not in ("scaled", "shifted")


def test_five_rows_scaled_by_themselves() -> None:
    rows = X[:5]
    assert correspondence((rows - 7) / 3, (rows - rows.mean(0)) / rows.std(0)).kind == "scaled"


def test_images_preprocessed_twice() -> None:
    images = RNG.uniform(0, 255, size=(8, 16, 16, 3))
    once = images[..., ::-1] - [103.9, 116.8, 123.7]
    twice = once[..., ::-1] - [103.9, 116.8, 123.7]
    assert correspondence(once, twice).kind == "shifted"
    others = RNG.uniform(0, 255, size=(8, 16, 16, 3))
    assert not correspondence(once, others).found


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (lambda x: x[..., ::-1], "RGB and BGR"),
        (lambda x: np.moveaxis(x, -1, 1), "the last axis comes first"),
        (lambda x: np.swapaxes(x, 1, 2), "rows and columns are exchanged"),
        (lambda x: x[:, ::-1], "the first axis of a sample is reversed"),
        (lambda x: x[:, :, ::-1], "the second axis of a sample is reversed"),
    ],
)
def test_values_at_other_places(other, text) -> None:
    images = RNG.integers(0, 255, size=(6, 8, 8, 3)).astype("uint8")
    found = correspondence(images, other(images))
    assert found.kind == "rearranged" and text in found.text
    assert correspondence(images, images.copy()).kind == "equal"
    others = RNG.integers(0, 255, size=(6, 8, 8, 3)).astype("uint8")
    assert correspondence(images, others).kind != "rearranged"


def test_columns_in_another_order() -> None:
    table = RNG.normal(size=(30, 12)).round(2)
    images = table.reshape(30, 3, 4)
    other_way = np.stack([image.flatten(order="F") for image in images])
    found = correspondence(table, other_way)
    assert found.kind == "rearranged" and "columns are in another order" in found.text
    mixed = other_way.copy()
    mixed[3] = mixed[3][::-1]
    assert correspondence(table, mixed).kind != "rearranged"


def test_words_by_another_vocabulary() -> None:
    words = RNG.integers(0, 20, size=(30, 12))
    permutation = RNG.permutation(20)
    assert correspondence(words, permutation[words]).kind == "encoded"
    assert not correspondence(words, RNG.integers(0, 20, size=(30, 12))).found


def test_classes_that_count_from_one() -> None:
    classes = RNG.integers(0, 4, size=(30, 1))
    found = correspondence(classes, classes + 1)
    assert found.kind == "encoded" and ": B is A + 1;" in found.text
    assert ": B is A - 1;" in correspondence(classes + 1, classes).text
    assert ": B is" not in correspondence(classes, RNG.permutation(4)[classes]).text


def test_the_factor_of_one_line_for_all() -> None:
    pixels = RNG.integers(0, 256, size=(30, 12)).astype("float32")
    assert correspondence(pixels, pixels / 255).factor == pytest.approx(1 / 255)
    assert correspondence(pixels, pixels / 127.5 - 1).factor == pytest.approx(1 / 127.5)
    assert correspondence(X, (X - X.mean(0)) / X.std(0)).factor == 0.0


def test_sequences_padded_otherwise() -> None:
    words = RNG.integers(1, 5000, size=(30, 12))
    longer = np.concatenate([np.zeros((30, 4), int), words], axis=1)
    assert correspondence(words, longer).found


def test_says_the_ranges_of_both() -> None:
    assert "0 to 1" in correspondence(np.linspace(0, 1, 8)[:, None], np.ones((8, 1))).text


def test_what_was_not_looked_at_is_not_told() -> None:
    many = RNG.normal(size=(2000, 3))
    many[1] = 90.0
    scaled = correspondence(many, many * 2).text
    assert "90 in A" in scaled and "compared in 512 of 2,000 rows" in scaled
    wide = RNG.normal(size=(20, 300))
    assert scaled.count("columns") == 0
    assert "compared in 256 of 300 columns" in correspondence(wide, wide * 2).text
    other = many.copy()
    other[1] = 0.0
    found = correspondence(many, other)
    assert found.kind == "near" and found.text.startswith("most rows equal")
    assert correspondence(many, many.copy()).kind == "equal"
    assert "-1 to 1" in correspondence(np.array([[-1.0], [np.nan], [1.0]]), X[:3, :1]).text
    assert "no finite number" in correspondence(np.full((3, 1), np.inf), X[:3, :1]).text


def test_padding_at_either_end_and_rows_of_several_lengths():
    rows = [RNG.integers(1, 50, n) for n in (3, 8, 5, 1)]
    behind = np.stack([np.pad(r, (0, 8 - len(r))) for r in rows])
    longer = np.stack([np.pad(r, (0, 20 - len(r))) for r in rows])
    before = np.stack([np.pad(r, (8 - len(r), 0)) for r in rows])
    assert "length 8 vs. 20" in correspondence(behind, longer).text
    assert "other end" in correspondence(behind, before).text
    assert "8 vs. 1 to 8 (row by row)" in correspondence(behind, rows).text
    assert correspondence(behind, longer[::-1]).kind != "padded"


def test_a_mark_at_another_place_is_no_padding():
    states = np.eye(6, dtype="float32")
    assert not correspondence(states[[2]], states[[1]]).found
    assert not correspondence(states[[2, 3, 0]], states[[1, 2, 5]]).found
    flags = np.array([[0, 1, 1, 0], [0, 1, 1, 1]])
    assert not correspondence(flags, np.array([[1, 1, 0, 0], [1, 1, 1, 0]])).found
    assert correspondence(np.array([[0, 0, 4, 7]]), np.array([[4, 7, 0, 0]])).kind == "padded"


def test_few_rows_that_come_again_and_again_show_nothing():
    few = np.eye(5, dtype="float32")[[0, 1, 2, 0, 1, 2, 0, 1]]
    assert correspondence(few, few[:, [1, 2, 0, 3, 4]]).kind == ""
    more = np.eye(5, dtype="float32")[[0, 1, 2, 3, 4, 0, 1, 2]]
    assert correspondence(more, more[:, [1, 2, 0, 3, 4]]).kind == "rearranged"


def test_one_rule_for_all_values_is_told():
    pixels = RNG.integers(0, 256, size=(20, 6)).astype("float32")
    assert "B is 1/255 times A" in correspondence(pixels, pixels / 255).text
    assert "B is 1/127.5 times A - 1" in correspondence(pixels, pixels / 127.5 - 1).text
    assert "B is 0.5 times A" in correspondence(pixels, pixels / 2).text
    assert "times" not in correspondence(pixels, (pixels - pixels.mean(0)) / pixels.std(0)).text


def test_values_in_fewer_digits_are_the_same_values():
    assert "rounded to float16" in correspondence(X, X.astype("float16")).text
    assert "rounded to 2 decimals" in correspondence(np.round(X, 2), X).text
    assert "rounded to float32" in correspondence(X, X.astype("float32")).text
    assert correspondence(X, X * 1.1).kind == "scaled"


def test_weights_that_were_rounded_are_recognised():
    exact = [w.astype(np.float32) for w in np.random.default_rng(0).normal(size=(2, 4, 3))]
    half = [w.astype(np.float16).astype(np.float32) for w in exact]
    short = [np.round(w, 3) for w in exact]
    assert rounded_weights(exact, half) == rounded_weights(half, exact) == "float16"
    assert rounded_weights(exact, [exact[0], half[1]]) == "float16"
    assert rounded_weights(exact, short) == "3 decimals"
    brain = [w.view(np.uint32) + np.uint32(0x7FFF) & np.uint32(0xFFFF0000) for w in exact]
    assert rounded_weights(exact, [b.view(np.float32) for b in brain]) == "bfloat16"
    # halfway between two values: to the one whose last bit is 0
    halfway = np.array([0x3F808000, 0x3F818000, 0x3F807FFF, 0x3F808001], np.uint32)
    even = np.array([0x3F800000, 0x3F820000, 0x3F800000, 0x3F810000], np.uint32)
    assert rounded_weights([halfway.view(np.float32)], [even.view(np.float32)]) == "bfloat16"
    assert rounded_weights(exact, exact) == rounded_weights(exact, exact[::-1]) == ""


def test_a_range_that_is_that_of_both_is_said_once() -> None:
    assert correspondence(X, X[:, ::-1]).text.count("values from") == 1
    assert correspondence(X, X[:, ::-1]).text.endswith("in both")
    assert correspondence(X, X - 3).text.count(" in A, from ") == 1
