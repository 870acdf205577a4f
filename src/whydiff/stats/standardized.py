"""Whether arrays were standardized, column by column, and over which of their rows."""

from __future__ import annotations

import numpy as np

#: Rows below which a mean of 0 says little.
FEWEST_ROWS = 8
#: Numbers that are looked at; larger arrays are not.
MOST_NUMBERS = 4_000_000
#: How far a mean may be from 0, and a standard deviation from 1: what single precision rounds.
NEAR = 1e-4

#: What :func:`standardized_over` says.
TOGETHER, TRAINING, EACH = "both together", "the training samples", "each by itself"


def can_be_told(values: np.ndarray) -> bool:
    """Whether an array has columns of numbers, and is not too large to be looked at."""
    return values.ndim == 2 and values.dtype.kind == "f" and 0 < values.size <= MOST_NUMBERS


def standardized(values: np.ndarray) -> bool:
    """Whether each column has mean 0 and standard deviation 1, but for those that are constant."""
    if not can_be_told(values) or len(values) < FEWEST_ROWS:
        return False
    means, spreads = values.mean(0, dtype=np.float64), values.std(0, dtype=np.float64)
    varies = spreads > 0
    if not varies.any() or not np.isfinite(spreads).all():
        return False
    unbiased = np.sqrt(len(values) / (len(values) - 1))
    near = [np.abs(spreads[varies] * by - 1).max() <= NEAR for by in (1.0, unbiased)]
    return bool(np.abs(means[varies]).max() <= NEAR and any(near))


def standardized_over(training: np.ndarray, validation: np.ndarray | None) -> str:
    """Over which samples inputs were standardized: TRAINING; EACH, where the validation samples
    were over themselves; TOGETHER, where only both parts as one are; "" where none are."""
    if validation is None:
        return TRAINING if standardized(training) else ""
    both = training, validation
    if not all(map(can_be_told, both)) or validation.shape[1] != training.shape[1]:
        return ""
    if standardized(training):
        return EACH if standardized(validation) else TRAINING
    return TOGETHER if standardized(np.concatenate(both)) else ""
