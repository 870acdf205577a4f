"""Bets on where differences lie: capital that grows only where the hypothesis is wrong.

A process starts with a capital of 1 and stakes some of it on every pair, without knowing the
pair's sign. If the hypothesis is true, the capital is expected to stay where it is, and it exceeds
1 / alpha at any time with probability alpha at most (J. Ville, "Etude critique de la notion de
collectif", 1939). How large a stake pays is not known beforehand, so the capital is divided over
several, and the sum is watched. Two hypotheses are tested that way:

* :func:`symmetric`: the differences lie symmetrically around ``null``, whatever their sizes. Given
  its size, a difference is then as often above ``null`` as below, and the stake may depend on the
  size (B. Efron, JASA 64, 1969; A. Ramdas, J. Ruf, M. Larsson & W. Koolen, 2020, arXiv
  2009.03167). In the unit of the root mean square of the gaps up to and with this one, a stake of
  ``b`` multiplies the capital by 2 / (1 + exp(-2 b gap)): the likelihood ratio of the sign of a
  normal difference with mean b / gap unit. Gaps and unit are sizes, so the signs stay as random
  as they were.
* :func:`bounded`: the differences lie between ``low`` and ``high`` and their mean is ``null``;
  nothing else is assumed, no symmetry either. A stake of the fraction ``f`` of what cannot be
  lost multiplies the capital by 1 + f (d - null) / (null - low) (I. Waudby-Smith & A. Ramdas,
  "Estimating means of bounded random variables by betting", JRSS B 86, 2024).

Both return the logarithm of the capital of every stake after every pair, (pairs, stakes), for
bets on "above" and on "below". NaN is a pair that tells nothing; an infinity is a difference
larger than any number: one unit of the symmetric process, the bound of the bounded one.
"""

from __future__ import annotations

import math

import numpy as np

#: Stakes of the symmetric process, in units of a gap; the largest bets on the sign alone.
STAKES = (0.25, 0.5, 1.0, 2.0, 4.0)
#: Fractions of what the bounds allow: mostly nearly all, since differences are mostly small against
#: their bounds; one small stake for those that are not.
FRACTIONS = (0.2, 0.9, 0.95, 0.97, 0.98, 0.99)

Capital = tuple[np.ndarray, np.ndarray]


def symmetric(d: np.ndarray, null: float) -> Capital:
    """Capital against "symmetric around ``null``": of bets on above, of bets on below."""
    gaps = scaled_gaps(d, null)
    steps = [np.multiply.outer(sign * gaps, 2 * np.array(STAKES)) for sign in (1, -1)]
    above, below = (np.cumsum(math.log(2) - np.logaddexp(0, -s), axis=0) for s in steps)
    return above, below


def scaled_gaps(d: np.ndarray, null: float) -> np.ndarray:
    """d - null over the root mean square of those up to it; an infinity is 1 unit, a NaN 0."""
    numbers = np.isfinite(d)
    gaps = np.where(numbers, d, null) - null
    largest = float(np.max(np.abs(gaps), initial=0.0))
    if largest > 0:  # squares of 1e-300 are 0
        gaps = gaps / largest
    squares = np.cumsum(gaps**2) / np.maximum(np.cumsum(numbers), 1)
    scaled = np.divide(gaps, np.sqrt(squares), out=np.zeros_like(gaps), where=squares > 0)
    infinite = np.isinf(d)
    scaled[infinite] = np.sign(d[infinite])
    return np.asarray(scaled)


def bounded(d: np.ndarray, null: float, low: float, high: float) -> Capital:
    """Capital against "the mean is ``null``" of differences within ``low`` and ``high``.

    A null at or beyond a bound loses at once: nothing can lie on its other side.
    """
    known = np.where(np.isnan(d), null, np.clip(d, low, high))
    fractions = np.array(FRACTIONS)
    capital = []
    for sign, room in ((1, null - low), (-1, high - null)):
        with np.errstate(divide="ignore", invalid="ignore"):
            gains = np.where(known == null, 0.0, sign * (known - null) / max(room, 0.0))
            gains = np.maximum(gains, -1.0)  # beyond the bound by rounding
        capital.append(np.cumsum(np.log1p(np.multiply.outer(gains, fractions)), axis=0))
    return capital[0], capital[1]


def total(capital: np.ndarray) -> np.ndarray:
    """The logarithm of the whole capital, equal parts of which went into every stake."""
    return np.asarray(np.logaddexp.reduce(capital, axis=-1) - math.log(capital.shape[-1]))
