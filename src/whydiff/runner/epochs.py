"""What a script that is running says of its epochs: read from what it has recorded so far."""

from __future__ import annotations

from pathlib import Path

from whydiff.core.progress import Progress
from whydiff.storage.underway import underway


class EpochProgress:
    """Reports the epochs of each fit of a script that ``text`` says is running.

    The script's process has no part in it.
    """

    def __init__(self, text: str, progress: Progress) -> None:
        self._text, self._progress = text, progress
        self._fit = self._done = 0

    def look(self, recording: Path) -> None:
        """Report how far it has come by now."""
        now = underway(recording)
        if now is None or not now.epochs:
            return
        if now.fit != self._fit:
            self._fit, self._done = now.fit, 0
            self._progress.step(f"{self._text}, epochs of fit {now.fit}", total=now.epochs)
        if now.done > self._done:
            self._progress.advance(now.done - self._done)
            self._done = now.done
