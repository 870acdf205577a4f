"""What a loss makes of logits: probabilities."""

from __future__ import annotations

import numpy as np


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """The probability of each logit by itself, in float64."""
    return np.asarray(0.5 * (1 + np.tanh(np.asarray(logits, np.float64) / 2)))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis, in float64; a NaN makes its whole row NaN."""
    values = np.asarray(logits, np.float64)
    grown = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=-1, keepdims=True))
