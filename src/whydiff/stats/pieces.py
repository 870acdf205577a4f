"""Two arrays piece by piece: what is computed of large ones then takes no memory of their size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

#: Elements of a piece: what is computed of it stays in the processor's cache.
_SIZE = 1 << 18


def pieces(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Flat parts of two arrays of one shape, in order; one of each where they are small."""
    flat_a, flat_b = a.reshape(-1), b.reshape(-1)
    for start in range(0, max(flat_a.size, 1), _SIZE):
        part = slice(start, start + _SIZE)
        yield flat_a[part], flat_b[part]
