"""What is running and about how long it takes, on stderr: a bar on a terminal, else plain lines."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TextIO

from whydiff.core.words import duration
from whydiff.report.plain import clean

#: seconds between two plain lines about one step
EVERY = 10.0
#: seconds of which a bar takes the pace: a replica may take minutes
_PACE = 3600.0


@dataclass
class Pace:
    """How long what is left of a step takes, by how long its parts took.

    The first parts also compile, so they count only until others are done.
    """

    total: int
    began: float  # seconds, as all times here
    done: int = 0
    first: tuple[float, int] | None = None  # when the first parts were done, and how many

    def advance(self, n: int, now: float) -> None:
        """``n`` parts are done."""
        self.done += n
        self.first = self.first or (now, self.done)

    def seconds_left(self, now: float) -> float | None:
        """Seconds until all parts are done; None before the first one is."""
        if self.first is None or self.done < 1:
            return None
        since, before = self.first if self.done > self.first[1] else (self.began, 0)
        return (now - since) / (self.done - before) * max(self.total - self.done, 0)


class Progress:
    """Reports steps of work; used as a context manager.

    ``step`` begins a step and ends the one before, ``advance`` counts within it where ``total``
    is known, ``note`` says something that stays on the screen.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._text = ""
        self._pace: Pace | None = None
        self._done = 0
        self._said = 0.0
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
        self._text, self._done, self._said = clean(text), 0, time.monotonic()
        self._pace = Pace(total, self._said) if total else None
        if self._stream.isatty():
            self._begin_bar(total)
        else:
            self._say(self._text + (f" (0 of {total})" if total and total > 1 else ""))

    def advance(self, n: int = 1) -> None:
        """``n`` parts of the current step are done."""
        self._done += n
        now = time.monotonic()
        if self._pace is not None:
            self._pace.advance(n, now)
        if self._bar is not None:
            self._bar.advance(self._task, n)
            return
        if now - self._said >= EVERY:
            self._said = now
            total = self._pace.total if self._pace else "?"
            self._say(f"{self._text} ({self._done} of {total}{self._left(now)})")

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
        left = self._pace.seconds_left(now) if self._pace else None
        if left is None:
            return ""
        text = duration(left)
        return f", {'' if text.startswith('less') else 'about '}{text} left"

    def _say(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        line = f"whydiff: {text}\n"
        self._stream.write(line.encode(encoding, "replace").decode(encoding))
        self._stream.flush()

    def _begin_bar(self, total: int | None) -> None:
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
        if total:
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
            speed_estimate_period=_PACE,
        )
        self._task = self._bar.add_task(self._text, total=total)
        self._bar.start()
