"""What is running and about how long it takes, on stderr: a bar on a terminal, else plain lines."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Any, TextIO

from whydiff.core.words import duration
from whydiff.report.terminal import clean

#: How much longer than the middle one a report may take to count as it is.
FAR_LONGER = 3.0
#: seconds between two plain lines about one step
EVERY = 10.0
#: columns of a terminal below which no bar is drawn
_NARROW = 60


@dataclass
class Pace:
    """How long what is left of a step takes, by how long its parts took.

    What is done first also compiles, so it counts only until more is done. A part may take long
    before it reports anything (a script runs up to its first step again): what is said of the share
    of a part that is done tells how fast that goes, whole parts tell what comes before it, too.
    """

    total: int
    began: float  # seconds, as all times here
    trainings: int = 1  # of one part, one after the other; each reports how far it is
    whole: int = 0  # parts that are done
    share: float = 0.0  # of the next one
    latest: float = 0.0  # when something was done last
    _over: int = 0  # trainings of the next part that are over
    _latest: float = 0.0  # how far the training under way was
    _took: list[float] = field(default_factory=list)  # seconds of each part that is done
    _reported: list[tuple[float, float]] = field(default_factory=list)  # (when, share) of the next
    _within: float | None = None  # seconds of a part at the pace within it
    _again: bool = False

    @property
    def done(self) -> float:
        """Parts that are done, and the share of the next one."""
        return self.whole + self.share

    def advance(self, n: int, now: float) -> None:
        """``n`` parts are done."""
        if self._reported:
            self._over, self._latest = self.trainings - 1, 0.0
            self.within(1.0, now)
        self._took += [(now - self.began) / n] * n
        self.whole, self.share, self.latest, self.began = self.whole + n, 0.0, now, now
        self._reported, self._over, self._latest = [], 0, 0.0

    def within(self, share: float, now: float, again: bool = False) -> None:
        """So much of a training of the next part is done, up to 1; ``again``: a script runs again
        for it."""
        self._again = self._again or again
        self._over += share < self._latest
        self._latest = share
        if self._over >= self.trainings:  # a part has more of them than was known
            known, self.trainings = self.trainings, self._over + 1
            self._reported = [(then, s * known / self.trainings) for then, s in self._reported]
        share = (self._over + share) / self.trainings
        self._reported.append((now, share))
        paces = [
            (after - before) / (more - less)
            for (before, less), (after, more) in pairwise(self._reported)
            if more > less
        ]
        if paces:  # one that took far longer compiled something, as a last smaller batch does
            most = FAR_LONGER * statistics.median(paces)
            self._within = statistics.fmean(min(pace, most) for pace in paces)
        self.share, self.latest = share, now

    def seconds_left(self, now: float) -> float | None:
        """Seconds until all parts are done; None before one is, or two epochs of it."""
        typical = self._typical()
        if typical is None:
            return None
        at_this_pace = typical if self._within is None else self._within
        rest = (1 - self.share) * at_this_pace if self.share else typical
        others = max(self.total - self.whole - 1, 0) * typical
        left = others + (rest if self.whole < self.total else 0.0)
        return max(left - (now - self.latest), 0.0)

    def _typical(self) -> float | None:
        """Seconds that a part takes which is not the first; None while nothing is known."""
        if len(self._took) > 1:
            return statistics.median(self._took[1:])
        if self._reported and (self._took or len(self._reported) > 1):
            since, before = self._reported[0]
            if len(self._reported) > 1 and self._within is not None:
                ahead = max(since - self.began - before * self._within, 0.0)
                # What came before the first epoch of all was compiling, unless a script ran.
                return self._within + (ahead if self._took or self._again else 0.0)
            if before >= 0.5:
                return (since - self.began) / before
        if self._within is not None:
            return self._within
        return self._took[0] if self._took else None


class Progress:
    """Reports steps of work; used as a context manager.

    ``step`` begins a step and ends the one before, ``advance`` counts within it where ``total``
    is known, ``epochs`` within the next part, of so many ``trainings``; ``note`` says something
    that stays on the screen.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._text = ""
        self._pace: Pace | None = None
        self._done = 0
        self._epochs = ""
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

    def step(self, text: str, total: int | None = None, trainings: int = 1) -> None:
        """Begin a step; ``total`` is the number of advances it will take, if known."""
        self._text, self._done, self._said = clean(text), 0, time.monotonic()
        self._epochs = ""
        self._pace = Pace(total, self._said, trainings) if total else None
        if self._stream.isatty():
            self._begin_bar(total)
        else:
            self._say(self._text + (f" (0 of {total})" if total and total > 1 else ""))

    def advance(self, n: int = 1) -> None:
        """``n`` parts of the current step are done."""
        self._done += n
        self._epochs = ""
        now = time.monotonic()
        if self._pace is not None:
            self._pace.advance(n, now)
        self._show(now)

    def epochs(self, done: int, total: int, unit: str = "epoch") -> None:
        """Of the training that is the next part, ``done`` of ``total`` epochs are over."""
        self._epochs = f"{unit} {done} of {total}"
        now = time.monotonic()
        if self._pace is not None:
            self._pace.within(done / total, now, unit == "step")
        self._show(now)

    def _show(self, now: float) -> None:
        if self._bar is not None:
            text = ", ".join(filter(None, (self._text, self._epochs)))
            done = self._pace.done if self._pace else None
            self._bar.update(self._task, description=text, completed=done)
            return
        if now - self._said >= EVERY:
            self._said = now
            far = ", ".join(filter(None, (self._how_far(), self._left(now))))
            self._say(f"{self._text} ({far})")

    def _how_far(self) -> str:
        total = self._pace.total if self._pace else None
        if self._epochs and total in (1, None):  # the step is one training
            return self._epochs
        parts = f"{self._done} of {total or '?'}"
        return f"{parts}, {self._epochs} of the next" if self._epochs else parts

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
        return f"{'' if text.startswith('less') else 'about '}{text} left"

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
            ProgressColumn,
            SpinnerColumn,
            Task,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.table import Column
        from rich.text import Text

        left = self._left

        class Left(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(left(time.monotonic()))

        self.close()
        console = Console(file=self._stream, markup=False, highlight=False)
        # On a narrow terminal: no bar, and the step is cut short, not the time that is left.
        narrow = console.width < _NARROW
        text = Column(no_wrap=True, max_width=max(console.width - 28, 8) if narrow else None)
        columns: list[Any] = [
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False, table_column=text),
        ]
        if total:
            columns += [] if narrow else [BarColumn(bar_width=24)]
            columns += [MofNCompleteColumn(), Left(table_column=Column(no_wrap=True))]
        else:
            columns.append(TimeElapsedColumn())
        # The script's own output goes by untouched: nothing is redirected.
        self._bar = Bar(
            *columns,
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            refresh_per_second=5,
        )
        self._task = self._bar.add_task(self._text, total=total)
        self._bar.start()
