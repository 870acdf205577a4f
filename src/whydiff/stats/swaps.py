"""Exchanging the two of a pair at random: all ways where these are few, else a sample of them."""

from __future__ import annotations

import numpy as np


def swaps(pairs: int, most: int, rng: np.random.Generator, drawn: int) -> tuple[np.ndarray, bool]:
    """Which pairs are exchanged, (ways, pairs), and whether these are all ways there are.

    All if there are ``most`` at most, else ``drawn`` of them.
    """
    if 2**pairs <= most:
        return (np.arange(2**pairs)[:, None] >> np.arange(pairs) & 1).astype(bool), True
    return rng.random((drawn, pairs)) < 0.5, False


def share_as_large(found: np.ndarray, observed: float, exact: bool) -> float:
    """p: the share of ways that give as much as was observed, which is one of them itself."""
    as_large = int(np.sum(found >= observed - 1e-12))
    return as_large / len(found) if exact else (1 + as_large) / (1 + len(found))
