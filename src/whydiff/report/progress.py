"""What is running and about how long it takes, on stderr: a bar on a terminal, else plain lines."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, TextIO

from whydiff.core.words import duration
from whydiff.report.plain import clean

#: seconds between two plain lines about one step
EVERY = 10.0


class Progress:
    """Reports steps of work; used as a context manager.

    ``step`` begins a step and ends the one before, ``advance`` counts within it where ``total``
    is known, ``note`` says something that stays on the screen.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._text = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._said = 0.0
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def step(self, text: str, total: int | None = None) -> None:
        """Begin a step; ``total`` is the number of advances it will take, if known."""
        self._text, self._total, self._done = clean(text), total, 0
        self._began = self._said = time.monotonic()
        if self._stream.isatty():
            self._begin_bar()
        else:
            self._say(self._text + (f" (0 of {total})" if total and total > 1 else ""))

    def advance(self, n: int = 1) -> None:
        """``n`` parts of the current step are done."""
        self._done += n
        if self._bar is not None:
            self._bar.advance(self._task, n)
            return
        now = time.monotonic()
        if now - self._said >= EVERY:
            self._said = now
            self._say(f"{self._text} ({self._done} of {self._total or '?'}{self._left(now)})")

    def note(self, text: str) -> None:
        """Say something that stays on the screen."""
        if self._bar is not None:
            self._bar.console.print(clean(text))
        else:
            self._say(clean(text))

    def close(self) -> None:
        """Take the bar away; nothing of it stays on the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _left(self, now: float) -> str:
        if not self._total or not self._done:
            return ""
        left = (now - self._began) / self._done * max(self._total - self._done, 0)
        return f", about {duration(left)} left"

    def _say(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        line = f"whydiff: {text}\n"
        self._stream.write(line.encode(encoding, "replace").decode(encoding))
        self._stream.flush()

    def _begin_bar(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress as Bar,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.close()
        columns: list[Any] = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
        if self._total:
            columns += [BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn()]
        else:
            columns.append(TimeElapsedColumn())
        # The script's own output goes by untouched: nothing is redirected.
        self._bar = Bar(
            *columns,
            console=Console(file=self._stream, markup=False, highlight=False),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            refresh_per_second=5,
        )
        self._task = self._bar.add_task(self._text, total=self._total)
        self._bar.start()
