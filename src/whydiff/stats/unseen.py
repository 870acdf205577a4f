"""What numbers that never varied leave open: how often another one may come.

If none of n runs was of some kind, that kind may still make up a share of all runs of up to
1 - alpha^(1/n), about 3/n for alpha = 0.05 (the rule of three; J. Hanley & A. Lippman-Hand, JAMA
249, 1983); it is the exact bound of C. Clopper & E. Pearson (Biometrika 26, 1934) for none of n.
It also holds however often one looks: a kind of that share shows up in one of the first n runs
with probability 1 - alpha, and from then on the bound is no longer claimed.
"""

from __future__ import annotations

import math

import numpy as np

#: A share of runs that is called rare.
RARE = 0.05

Bounds = tuple[float, float]


def unseen_share(n: int, confidence: float = 0.95) -> float:
    """The largest share of runs of a kind that none of ``n`` was of; 1 for no runs."""
    return float(1 - (1 - confidence) ** (1 / n)) if n else 1.0


def runs_for(share: float = RARE, confidence: float = 0.95) -> int:
    """The runs without one of a kind after which it makes up at most ``share``: 59 for 5 %."""
    return math.ceil(math.log(1 - confidence) / math.log1p(-share) - 1e-9)


def mean_limits(value: float, n: int, confidence: float, bounds: Bounds | None) -> Bounds:
    """Limits of the mean where all of ``n`` runs gave ``value``, unbounded without ``bounds``."""
    if bounds is None:
        return -math.inf, math.inf
    share = unseen_share(n, confidence)
    low, high = min(bounds[0], value), max(bounds[1], value)
    return value - share * (value - low), value + share * (high - value)


def largest_deviation(value: float, n: int, confidence: float, bounds: Bounds | None) -> float:
    """The largest standard deviation where all of ``n`` runs gave ``value``.

    The mean square around ``value`` is at most the share of others times the square of the way to
    the further bound; infinite without ``bounds``.
    """
    if bounds is None:
        return math.inf
    furthest = max(abs(value - bounds[0]), abs(bounds[1] - value))
    return math.sqrt(unseen_share(n, confidence)) * furthest


def said(n: int, what: str, confidence: float = 0.95) -> str:
    """A note: ``all 5 runs gave the same number; up to 45 % of runs may give another``."""
    if n == 1:
        return f"one {what}: nothing is known about the spread"
    share = unseen_share(n, confidence)
    return (
        f"all {n} {what}s gave the same number; up to {100 * share:.0f} % of {what}s may give "
        "another"
    )


def said_of_pairs(n: int, confidence: float = 0.95) -> str:
    """A note where no spread was seen: ``up to 45 % of pairs of runs may be unlike these``."""
    return f"up to {100 * unseen_share(n, confidence):.0f} % of pairs of runs may be unlike these"


def constant(values: np.ndarray, relative: float = 2.0**-22) -> bool:
    """Whether there are values and all are equal, to the precision of a 32-bit number."""
    if not values.size:
        return False
    return bool(np.ptp(values) <= relative * np.max(np.abs(values)))
