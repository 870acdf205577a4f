"""Quantiles of the usual distributions, from scipy.special: scipy.stats takes seconds to import."""

from __future__ import annotations

import numpy as np


def normal(p: float) -> float:
    """The value below which a standard normal number lies with probability p."""
    from scipy import special

    return float(special.ndtri(p))


def student(degrees: float, confidence: float) -> float:
    """The two-sided quantile of Student's t: within it with probability ``confidence``."""
    from scipy import special

    return float(special.stdtrit(degrees, (1 + confidence) / 2))


def student_tail(t: float, degrees: float) -> float:
    """The probability of a larger t."""
    from scipy import special

    return float(special.stdtr(degrees, -t))


def chi_square(degrees: float, p: float) -> float:
    """The value below which a chi-square number lies with probability p."""
    from scipy import special

    return 2 * float(special.gammaincinv(degrees / 2, p))


def beta(a: float, b: float, p: float) -> float:
    """The value below which a beta number lies with probability p."""
    from scipy import special

    return float(special.betaincinv(a, b, p))


# --- exchanging the two of a pair at random, for permutation tests -----------------------------


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
