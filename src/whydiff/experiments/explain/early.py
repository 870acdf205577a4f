"""B begun while A still runs, where neither can meet the other.

Both run on scratch copies from the same starting state. B waits before it does what could be seen
from outside of its copy until A is over; if A did anything of the kind, B is thrown away and run
after it, as ever. So every run sees what it would see if one came after the other.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from whydiff.core.machine import available_memory, has_accelerator
from whydiff.core.question import Question
from whydiff.core.recording import Execution
from whydiff.experiments.explain.sides import begin_script
from whydiff.experiments.explain.texts import modules_of, text_of
from whydiff.fixes.proposal import BOM
from whydiff.runner.client import Child, Run, alone_file
from whydiff.runner.executors.local import cores
from whydiff.runner.job import OVER
from whydiff.runner.running import Runs
from whydiff.script_text.apart import leads_elsewhere, stays_apart, trains_once_at_most
from whydiff.script_text.edits import Script, parse
from whydiff.script_text.notebooks import as_script, cells

#: Bytes that are to be free before a second script begins, and that are to stay free.
ROOM, LEAST_FREE = 4 << 30, 2 << 30
#: The part of a budget after which A has the machine for itself.
SHARE = 0.25
#: Seconds between two looks at whether B is in A's way.
_LOOK = 0.1


def may_begin_early(question: Question, runs: Runs, a: Run, b: Run) -> bool:
    """Whether B will be needed, most likely, and neither run can meet the other."""
    apart = runs.place.folders and runs.place.means != "moved" and not runs.place.shown
    if not apart or cores() < 2 or has_accelerator():
        return False
    if question.calls or question.lines or (question.fits and question.one_program):
        return False
    if (available_memory() or 0) < ROOM:
        return False
    texts = _texts(a), _texts(b)
    if question.one_program and not trains_once_at_most(texts[0] or ()):
        return False
    return all(_stays_apart(run, text) for run, text in zip((a, b), texts, strict=True))


def _stays_apart(run: Run, scripts: Sequence[Script] | None) -> bool:
    if scripts is None:
        return False
    environment = run.variables()
    named = (*run.arguments, *(run.environment or {}).values())
    return not any(map(leads_elsewhere, named)) and all(
        stays_apart(script, environment) for script in scripts
    )


def _texts(run: Run) -> list[Script] | None:
    """What a run executes of the project; None where that is not all to be seen."""
    if run.function or run.prelude or run.source:
        return None
    try:
        if run.script.suffix == ".ipynb":
            return [parse(as_script(cells(run.script.read_text(encoding="utf-8"))))]
        folder = run.checkout.working_folder() if run.checkout else Path.cwd()
        texts = [text_of(run.script), *(text for _, text in modules_of(run.script, folder))]
        return [parse(text.removeprefix(BOM)) for text in texts]
    except (OSError, SyntaxError, ValueError):
        return None


@dataclass(eq=False)
class EarlyRun:
    """B's process beside A's, until A is over; :meth:`take` it, or :meth:`end` it."""

    runs: Runs
    child: Child | None
    recording_a: Path
    _ended: bool = False
    _settled: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """End B as soon as it is of no use, or in A's way."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        child, began, seen = self.child, time.monotonic(), False
        seconds = self.runs.time_left()
        patience = None if seconds is None else SHARE * seconds
        while child is not None and not self._settled.wait(_LOOK):
            alone = alone_file(self.recording_a).exists()
            late = patience is not None and time.monotonic() - began > patience
            full = (available_memory() or 0) < LEAST_FREE
            if (seen and not alone) or late or full:
                self._ended = True
                child.kill()
                return
            seen = seen or alone

    def settle(self, execution: Execution | None) -> None:
        """A is over: B goes on as it likes, or is thrown away where A could be met."""
        self._settled.set()
        alone = alone_file(self.recording_a).exists()
        if self._ended or not alone or execution is None or not self.runs.stays_apart(execution):
            self.end()
            return
        if self.child is not None:
            _ended_first(self.child, False)
        Path(f"{self.recording_a}{OVER}").touch()

    def take(self) -> Child | None:
        """B's process, for whoever waits for it and closes it; None where there is none."""
        child, self.child = self.child, None
        return child

    def end(self) -> None:
        """Throw B away, with all that it wrote."""
        self._settled.set()
        child = self.take()
        if child is not None:
            throw_away(self.runs, child)


def begin_early(runs: Runs, run: Run, folder: Path, recording_a: Path) -> EarlyRun:
    """Begin B beside A, of which this is the recording."""
    child = begin_script(runs, replace(run, behind=recording_a), folder, "b")
    _ended_first(child, True)
    early = EarlyRun(runs, child, recording_a)
    early.watch()
    return early


def _ended_first(child: Child, first: bool) -> None:
    """Whether the system, if memory is short after all, ends this process before any other."""
    with contextlib.suppress(OSError):
        usual = Path("/proc/self/oom_score_adj").read_text()
        Path(f"/proc/{child.process_id}/oom_score_adj").write_text("1000" if first else usual)


def throw_away(runs: Runs, child: Child) -> None:
    """End a run as if it had never begun."""
    child.when_closed = lambda written: None
    child.kill()
    child.close()
    runs.count -= 1
    for file in child.recording.parent.glob(f"{child.recording.stem}.*"):
        if file.is_dir():
            shutil.rmtree(file, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                file.unlink()
