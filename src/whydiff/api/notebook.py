"""Recording and explaining within the running interpreter, for notebooks.

with whydiff.recording() as cell:
    one.fit(x, y)
    two.fit(x, y)
whydiff.explain(cell[1], cell[2])
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Explanation, Remedy
from whydiff.core.live import Live
from whydiff.core.recording import Execution, Side
from whydiff.diagnosis.sources import source
from whydiff.experiments.explain.comparison import Comparison
from whydiff.experiments.explain.trials import run_trials
from whydiff.runner.hybrid_trainer import HybridTrainer
from whydiff.storage import load


@dataclass(eq=False)
class Recorded:
    """What a ``with whydiff.recording()`` block recorded; ``path`` keeps it.

    ``recorded[1]`` is its first fit, for :func:`whydiff.explain`.
    """

    path: Path
    _session: Any
    _folder: Any = None  # a temporary folder lives as long as this object

    @property
    def execution(self) -> Execution:
        """Everything recorded, as :func:`whydiff.load` reads it. Only once the block is over."""
        if not self._session.closed:
            raise WhydiffError("the recording is still under way", "Leave its `with` block first.")
        return load(self.path)

    def __len__(self) -> int:
        return len(self.execution.fits)

    def __getitem__(self, number: int) -> WatchedFit:
        fits = self.execution.fits
        if not 1 <= number <= len(fits):
            raise WhydiffError(
                f"there is no fit {number}; {len(fits)} were recorded", "Fits count from 1."
            )
        return WatchedFit(self, number)


@dataclass(frozen=True, eq=False)
class WatchedFit:
    """One fit of a :class:`Recorded`, whose model still lives in this interpreter."""

    recorded: Recorded
    number: int

    @property
    def side(self) -> Side:
        """The fit and its execution."""
        execution = self.recorded.execution
        return Side(execution, execution.fits[self.number - 1])

    @property
    def live(self) -> Live:
        """What it takes to train it again. WhydiffError where that was not kept."""
        lives: list[Live] = self.recorded._session.lives
        found = next((live for live in lives if live.index == self.number), None)
        if found is None:
            raise WhydiffError(
                f"fit {self.number} cannot be trained again: it was interrupted or its data were "
                "too large to keep",
                f"`whydiff diff` compares what was recorded in {self.recorded.path}.",
            )
        return found


@contextlib.contextmanager
def recording(path: str | Path | None = None) -> Iterator[Recorded]:
    """Record every ``fit`` of the block, in this very interpreter, without changing a bit.

    Built inside the block, a model's seeds are recorded as well. ``path`` keeps the recording;
    without one it lies in a temporary folder that goes with the result.
    """
    from whydiff.runner.in_process import begin

    folder = None if path else tempfile.TemporaryDirectory(prefix="whydiff-")
    file = Path(path) if path else Path(folder.name) / "cell.whydiff"  # type: ignore[union-attr]
    session = begin(file)
    try:
        yield Recorded(file, session, folder)
    except BaseException:
        _end(session, 1)
        raise
    _end(session, 0)


def _end(session: Any, code: int) -> None:
    from whydiff.runner.in_process import wait

    session.close(code)
    wait()


def explain_fits(
    a: WatchedFit,
    b: WatchedFit,
    metric: str | None = None,
    budget: float | None = None,
    progress: Any = None,
) -> Explanation:
    """Say why two fits of this session differ, proven by training hybrids of them here.

    The models are trained again for that and then put back as they were. No fix is tried: there
    is no script to change; the causes carry their remedies.
    """
    from whydiff.core.progress import Silent
    from whydiff.experiments.explain.answer import answer
    from whydiff.experiments.explain.zoom import zoom
    from whydiff.replay.leaving import left_as_found
    from whydiff.runner.in_process_client import InProcessClient

    sides = a.side, b.side
    lives = [replace(a.live, index=1), replace(b.live, index=2)]
    progress = progress or Silent()
    with tempfile.TemporaryDirectory(prefix="whydiff-") as name:
        here: Any = InProcessClient(lives, a.recorded.path)
        there: Any = InProcessClient(lives, b.recorded.path)
        chosen = f"fit {a.number} and fit {b.number} of this session"
        comparison = Comparison("fits", chosen, here, there, sides[0], sides[1], Path(name))
        if comparison.identical:
            return answer(comparison, metric=metric)
        structural = [s for s in comparison.differing if source(s).kind == "structure"]
        with left_as_found(live.model for live in lives):
            here.request("pair", a={"fit": 1}, b={"fit": 2}, differing=structural)
            hybrid_trainer = HybridTrainer(
                {"a": here}, Path(name), frozenset(), follows=comparison.follows
            )
            trials = run_trials(hybrid_trainer, comparison.movable(), budget, progress)
            point = zoom(comparison.diff.first_divergence, hybrid_trainer, trials)
        explained = answer(comparison, trials, None, metric, point)
        told = dict.fromkeys(c.remedy for c in explained.causes if c.remedy and not c.intended)
        return replace(explained, remedy=Remedy("", False, " ".join(told)))
