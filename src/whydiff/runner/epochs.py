"""What a script's process says of its epochs: of its own fits, and of what it trains on request."""

from __future__ import annotations

from pathlib import Path

from whydiff.core.progress import Progress
from whydiff.storage.reader import underway


class EpochProgress:
    """Begins a step, a script that runs, and reports the epochs of each of its fits.

    These are read from what it has recorded so far: the script's process has no part in it.
    """

    def __init__(self, text: str, progress: Progress) -> None:
        self._text, self._progress = text, progress
        self._fit = self._done = 0
        progress.step(text)

    def look(self, recording: Path) -> None:
        """Report how far the script has come by now."""
        now = underway(recording)
        if now is None or not now.epochs:
            return
        if now.fit != self._fit:
            self._fit, self._done = now.fit, 0
            self._progress.step(f"{self._text}, epochs of fit {now.fit}", total=now.epochs)
        if now.done > self._done:
            self._progress.advance(now.done - self._done)
            self._done = now.done

    def trained(self, done: int, total: int, unit: str = "epoch") -> None:
        """Report how far a training is that the process was asked for, once its script is over."""
        self._progress.epochs(done, total, unit)
