"""Quantiles of the usual distributions, from scipy.special: scipy.stats takes seconds to import."""

from __future__ import annotations


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
