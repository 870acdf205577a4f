"""Over which rows arrays were standardized."""

import numpy as np
import pytest

from whydiff.stats.correspondence import correspondence
from whydiff.stats.standardized import (
    EACH,
    MOST_NUMBERS,
    TOGETHER,
    TRAINING,
    standardized,
    standardized_over,
)

ROWS = np.random.default_rng(3).normal(3.0, [1.0, 5.0, 0.5], (60, 3)).astype("float32")
CONSTANT = np.concatenate([ROWS, np.ones((60, 1), "float32")], axis=1)


def scaled(rows, over, ddof=0):
    spread = over.std(0, ddof=ddof)
    return ((rows - over.mean(0)) / np.where(spread > 0, spread, 1)).astype("float32")


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("rows", [ROWS, CONSTANT], ids=["varying", "with a constant column"])
def test_columns_of_mean_0_and_spread_1_are_standardized(rows, ddof):
    assert standardized(scaled(rows, rows, ddof))
    assert not standardized(rows)
    assert not standardized(scaled(rows, rows)[:40]), "a part of them is not"


def test_what_cannot_be_standardized_is_not():
    assert not standardized(np.ones((20, 3), "float32"))
    assert not standardized(np.zeros((20, 3), "int64"))
    assert not standardized(scaled(ROWS[:5], ROWS[:5])), "too few rows to say so"
    assert not standardized(np.full((20, 3), np.nan, "float32"))


@pytest.mark.parametrize(
    ("training", "validation", "over"),
    [
        (scaled(ROWS, ROWS)[:40], scaled(ROWS, ROWS)[40:], TOGETHER),
        (scaled(ROWS[:40], ROWS[:40]), scaled(ROWS[40:], ROWS[:40]), TRAINING),
        (scaled(ROWS[:40], ROWS[:40]), scaled(ROWS[40:], ROWS[40:]), EACH),
        (scaled(ROWS[:40], ROWS[:40]), None, TRAINING),
        (ROWS[:40], ROWS[40:], ""),
        (ROWS[:40], scaled(ROWS[40:], ROWS[40:]), ""),
    ],
)
def test_over_which_samples(training, validation, over):
    assert standardized_over(training, validation) == over


def test_rows_that_were_standardized_by_themselves_are_told_from_others():
    with_training, alone = scaled(ROWS[40:], ROWS[:40]), scaled(ROWS[40:], ROWS[40:])
    assert "B is standardized by the mean and spread of its own rows" in (
        correspondence(with_training, alone).text
    )
    assert "A is standardized by" in correspondence(alone, with_training).text
    assert "standardized" not in correspondence(ROWS, 2 * ROWS).text


def test_arrays_too_large_to_look_at_are_not_put_together(monkeypatch):
    monkeypatch.setattr("numpy.concatenate", None)  # would make a copy of all
    large = np.zeros((MOST_NUMBERS // 2 + 1, 2), "float32")
    assert standardized_over(large, large[:10]) == "" == standardized_over(large[:10], large)
    assert standardized_over(np.zeros((4, 2, 2), "float32"), np.zeros((4, 2, 2), "float32")) == ""
