"""Ways to redraw which samples a model is trained on, and how rows are divided by them.

A division is decided by a seed alone. The folds of one partition have seeds that follow each other,
so that blocks of a study can take them in turns.
"""

from __future__ import annotations

import numpy as np

from whydiff.core.errors import WhydiffError

BOOTSTRAP, SPLIT, KFOLD = "bootstrap", "split", "kfold"
_FEWEST, _MOST = 2, 1000


def folds_of(way: str) -> int:
    """The number of folds of ``"kfold=5"``; 0 for another way.

    Raises WhydiffError where that is no number of folds.
    """
    name, _, count = way.partition("=")
    if name != KFOLD:
        return 0
    if not count.isdecimal() or not _FEWEST <= int(count) <= _MOST:
        raise WhydiffError(
            f"data-content={way}: {count!r} is no number of folds",
            f"Write data-content=kfold=5; {_FEWEST} folds or more.",
        )
    return int(count)


def divides(way: str) -> bool:
    """Whether a way divides rows into training and validation data."""
    return way == SPLIT or folds_of(way) > 0


def in_fold(way: str, seed: int, block: int) -> int:
    """``seed`` as it stands for a division in a block: blocks take the folds in turns."""
    folds = folds_of(way)
    return seed // folds * folds + block % folds if folds else seed


def partition_of(way: str, block: int) -> int:
    """The number that blocks share whose folds belong to one partition; the block's own without."""
    return block // max(folds_of(way), 1)


def held_out(way: str, rows: int, held: int) -> int:
    """How many of ``rows`` each division holds out, where the fit itself held out ``held``."""
    return rows // folds if (folds := folds_of(way)) else held


def divided(way: str, rows: int, held: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows to train on, rows held out), each shuffled, int64 indices from 0 to ``rows`` - 1.

    A split holds out ``held`` rows. A fold holds out ``rows // folds``, so that all are equally
    large; the few that are left over are trained on in every fold.
    """
    folds = folds_of(way)
    size = held_out(way, rows, held)
    first = seed % folds * size if folds else 0
    partition = seed // folds if folds else seed
    permuted = np.random.default_rng(np.random.SeedSequence([partition, 0x5B117])).permutation(rows)
    chosen = slice(first, first + size)
    return np.delete(permuted, chosen), permuted[chosen]
