"""Batches that were fed, and those that need no looking at because their order is known."""

from __future__ import annotations

from typing import Any

import numpy as np


class Batch:
    """A batch that was fed. It has ``indices`` and digests (``rows``) of its samples only once
    the feed has identified it."""

    indices: np.ndarray
    rows: np.ndarray

    def __init__(self, leaves: list[Any]) -> None:
        self.leaves = leaves


class OrderedRows:
    """Arrays whose rows are fed in an order that the backend tells, pass by pass.

    ``indices`` (int64) and ``digests`` (uint64, two a row) tell each row's sample. ``order.rows``
    is the permutation of the pass that has begun, None where there is none, which ``shuffles``
    tells apart from one that has not been drawn yet.
    """

    def __init__(self, order: Any, indices: np.ndarray, digests: np.ndarray, size: int) -> None:
        self._order, self._indices, self._digests = order, indices, digests
        self._size, self._position = size, 0

    def begin_pass(self) -> None:
        self._position = 0
        self._order.rows = None

    @property
    def looked_at(self) -> bool:
        """Whether the pass has begun, as far as a permutation tells."""
        return self._order.rows is not None

    def take(self, count: int) -> list[Batch]:
        """The next ``count`` batches of this pass, or as many as are left of it.

        RuntimeError if the pass has drawn an order that nobody told.
        """
        if self._order.shuffles and self._order.rows is None:
            raise RuntimeError("the order in which the rows were shuffled was not told")
        fed = []
        for _ in range(count):
            chosen: Any = slice(self._position, self._position + self._size)
            if self._order.rows is not None:
                chosen = self._order.rows[chosen]
            batch = Batch([])
            batch.indices, batch.rows = self._indices[chosen], self._digests[chosen]
            if not len(batch.indices):
                break
            self._position += self._size
            fed.append(batch)
        return fed
