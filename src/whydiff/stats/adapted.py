"""Whether two arrays are one and the same data, as preprocessing layers that were adapted to other
data give them.

What a layer learned is plain: ``{"mean": [...], "variance": [...], "shape": [...], "invert":
False}`` of a Normalization, ``{"vocabulary": [...]}`` of a lookup, the words in the order of their
numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from whydiff.stats.correspondence import FEWEST_ROWS, MOST_ROWS, SINGLE

Learned = Mapping[str, Any]
#: The word that a lookup gives in place of those it does not know.
_UNKNOWN = "[UNK]"


def follows(a: np.ndarray, b: np.ndarray, one: Learned | None, other: Learned | None) -> bool:
    """Whether row i of ``b`` is what a layer that learned ``other`` gives of the data of which a
    layer that learned ``one`` gives row i of ``a``; None stands for data as they are."""
    if len(a) != len(b) or a.shape != b.shape or not len(a) or a.dtype.kind not in "iuf":
        return False
    rows = np.unique(np.linspace(0, len(a) - 1, min(len(a), MOST_ROWS)).astype(int))
    x, y = a[rows], b[rows]
    if all("vocabulary" in learned for learned in (one or {}, other or {})):
        return _renumbered(x, y, one or {}, other or {})
    known = [learned for learned in (one, other) if learned is not None]
    if not known or not all("mean" in learned for learned in known):
        return False
    return _rescaled(np.asarray(x, np.float64), np.asarray(y, np.float64), one, other)


def _rescaled(x: np.ndarray, y: np.ndarray, one: Learned | None, other: Learned | None) -> bool:
    lines = [_line(learned, x.shape) for learned in (one, other)]
    if None in lines or len(np.unique(x.reshape(len(x), -1), axis=0)) < FEWEST_ROWS:
        return False
    (scale, shift), (by, plus) = (line for line in lines if line is not None)
    with np.errstate(all="ignore"):
        as_they_are = (x - shift) / scale
        off = np.abs(as_they_are * by + plus - y)
        # Each layer computes in single precision, of values that may be far from 0.
        size = np.abs(by) * (np.abs(as_they_are) + np.abs(shift / scale)) + np.abs(plus)
    return bool(np.isfinite(off).all() and (off <= 2 * SINGLE * (size + np.abs(y))).all())


def _line(learned: Learned | None, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray] | None:
    """Factor and shift of what a Normalization computes; None where they do not fit a shape."""
    if learned is None:
        return np.ones(()), np.zeros(())
    mean, variance = (np.asarray(learned[name], np.float64) for name in ("mean", "variance"))
    spread = np.maximum(np.sqrt(variance), 1e-7)  # as Keras does, where a column is constant
    try:
        mean, spread = (np.reshape(v, learned["shape"]) for v in (mean, spread))
        if np.broadcast_shapes(mean.shape, shape) != shape:
            raise ValueError
    except ValueError:
        if len(shape) != 2 or mean.size != shape[1]:
            return None
        mean, spread = mean.reshape(1, -1), spread.reshape(1, -1)  # samples were made flat since
    return (spread, mean) if learned.get("invert") else (1 / spread, -mean / spread)


def _renumbered(x: np.ndarray, y: np.ndarray, one: Learned, other: Learned) -> bool:
    pairs = np.unique(np.stack([x.ravel(), y.ravel()], 1), axis=0)
    words, theirs = (list(map(str, learned["vocabulary"])) for learned in (one, other))
    if (pairs != np.round(pairs)).any() or (pairs < 0).any() or (x == y).all():
        return False
    if (pairs.max(0) >= (len(words), len(theirs))).any():
        return False
    known, known_there = ({*of} - {_UNKNOWN} for of in (words, theirs))
    for i, j in pairs.astype(int).tolist():
        word, its = words[i], theirs[j]
        if word == its:
            continue
        left_out = word == _UNKNOWN and its not in known
        unknown_there = its == _UNKNOWN and word not in known_there
        if not left_out and not unknown_there:
            return False
    # One pair of numbers is soon found in any two lists of words.
    return len(pairs) > 2
