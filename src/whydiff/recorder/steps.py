"""The row of every step: its values are digested while they are there, its batch in bulk.

A step of a small net takes a fraction of a millisecond, and so must whatever watches it. Which
samples a batch holds is therefore asked for many batches at a time, and where there is a copy
of what a step left, it is read some steps later: until then the step that makes it runs beside
us.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

import numpy as np

from whydiff.core.digests import group_digest
from whydiff.core.recording import STEP_GROUPS
from whydiff.recorder.batches import Batch
from whydiff.recorder.feed import Feed
from whydiff.recorder.step_snapshot import Left
from whydiff.storage import Writer

#: States of generators that a step drew from, which are no variables of the model.
Drawn = Sequence[np.ndarray]

_SECONDS = 0.2  # of training that a kill may cost, besides what the writer holds back
_AT_ONCE = 128  # steps
_BEHIND = 8  # steps whose copies are not read yet
_NOT_LOOKED_AT = (0,) * (len(STEP_GROUPS) - 1)


@dataclass(frozen=True, eq=False)
class _Over:
    """A step that is over; its digests of all groups but the batch's, once they are known."""

    epoch: int
    fed: Sequence[Batch]
    settings: Sequence[np.float64]
    digests: Sequence[int] = ()


class Steps:
    """Rows of one fit's steps, in their order, on their way to the writer.

    ``digests`` gives the digests of all groups but the batch's, of what a step left and drew.
    """

    def __init__(
        self,
        index: int,
        feed: Feed,
        writer: Writer,
        digests: Callable[[Left, Drawn], Sequence[int]],
    ) -> None:
        self._index, self._feed, self._writer, self._digests = index, feed, writer, digests
        self._unread: deque[tuple[_Over, Left | None, Drawn]] = deque()
        self._read: list[_Over] = []
        self._since = monotonic()

    def add(self, epoch: int, batches: int, left: Left | None, drawn: Drawn) -> None:
        """A step that was fed so many batches is over; ``left`` is what it left, None where that is
        not looked at."""
        over = _Over(epoch, self._feed.take(batches), self._feed.settings)
        self._unread.append((over, left, drawn))
        outlasts = left is None or left.outlasts
        self._read_all_but(_BEHIND if outlasts else 0)
        if len(self._read) >= _AT_ONCE or monotonic() - self._since > _SECONDS:
            self._read_all_but(1 if outlasts else 0)
            self._write()

    def finish(self) -> None:
        """Hand every step that is over to the writer."""
        self._read_all_but(0)
        self._write()

    def _read_all_but(self, newest: int) -> None:
        while len(self._unread) > newest:
            over, left, drawn = self._unread.popleft()
            digests = _NOT_LOOKED_AT if left is None else self._digests(left, drawn)
            self._read.append(_Over(over.epoch, over.fed, over.settings, digests))

    def _write(self) -> None:
        self._feed.identify()
        read, self._read = self._read, []
        for over in read:
            fed = group_digest([*(batch.rows for batch in over.fed), *over.settings])
            self._writer.step(self._index, over.epoch, (fed, *over.digests))
        self._since = monotonic()
