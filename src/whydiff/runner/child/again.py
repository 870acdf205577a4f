"""Running a script again in a process that is kept, and seeing that it is the program recorded."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from whydiff.core.feeding import TransferError
from whydiff.core.hybrids import Pins
from whydiff.core.live import Live
from whydiff.core.progress import EachEpoch
from whydiff.core.recording import Side
from whydiff.diagnosis.same_program import other_program
from whydiff.runner.child.afresh import Start, afresh
from whydiff.runner.copies import moved, with_moved_path
from whydiff.storage import load

if TYPE_CHECKING:
    from whydiff.runner.child.watching import Watching
    from whydiff.runner.job import Job


class ScriptRunner:
    """Runs scripts in this process, watched anew, each as if nothing had run here before."""

    def __init__(
        self,
        watching: Watching,
        start: Start,
        run_script: Callable[[Job], int],
        each_step: EachEpoch | None = None,
    ) -> None:
        self._watching, self._start, self._run_script = watching, start, run_script
        self._covered, self._each_step = watching.job.covered, each_step

    def __call__(
        self,
        job: Job,
        recording: Path | None = None,
        fit: int = 0,
        pins: Mapping[int, Pins] | None = None,
    ) -> list[Live]:
        """Run the script of a job; its trainings that can be trained again.

        With ``pins`` it is made to start from and be fed other values, up to the end of training
        ``fit``. Raises TransferError where training ``fit`` is not reached, or is of another
        program than the one in ``recording``. Without a recording it is run to its end, whatever
        it trains, and draws as a new process does what nothing seeds.
        """
        environment = self._start.environment if job.environment is None else job.environment
        folder = self._start.folder if job.folder is None else moved(job.folder, self._covered)
        environment = with_moved_path(environment, self._covered)
        job = replace(job, script=moved(job.script, self._covered))
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()) as said,
            afresh(self._start, environment, folder, self._covered, by_chance=recording is None),
        ):
            self._watching.begin(job, pins, None if pins is None else fit)
            self._watching.session.stepped = self._count(recording, fit, pins)
            code = 0
            try:
                code = self._run_script(job)
            finally:
                self._watching.session.close(code if recording is None else 0)
        lives: list[Live] = list(self._watching.session.lives)
        if recording is None:
            return lives
        if all(live.index != fit for live in lives):
            last = said.getvalue().strip().splitlines()[-1:]
            raise TransferError(
                f"run again, {job.script} did not come to the end of training {fit}"
                + (f": {last[0][:200]}" if last else "")
            )
        _check_same(job.script, recording, Path(job.output), fit)
        return lives

    def _count(
        self, recording: Path | None, fit: int, pins: Mapping[int, Pins] | None
    ) -> Callable[[], None]:
        """What is called after each step: it reports how many of those recorded are over.

        A hundred reports at most: each is a message to the process that asked.
        """
        fits = load(recording or Path(self._watching.job.output)).fits
        total = sum(len(one.steps) for one in fits if not fit or one.index <= fit)
        pinned = (pins or {}).get(fit)
        if pinned is not None and pinned.steps is not None:
            total += pinned.steps - len(fits[fit - 1].steps)
        done = 0

        def stepped() -> None:
            nonlocal done
            done += 1
            before, now = 100 * (done - 1) // max(total, 1), 100 * done // max(total, 1)
            if self._each_step is not None and before < now <= 100:
                self._each_step(done, total, "step")

        return stepped


def _check_same(script: str, recording: Path, again: Path, fit: int) -> None:
    recorded, repeated = load(recording), load(again)
    sides = [Side(run, run.fits[fit - 1]) for run in (recorded, repeated) if len(run.fits) >= fit]
    other = other_program(*sides) if len(sides) == 2 else "fewer trainings"
    if other:
        raise TransferError(f"run again, {script} does not repeat its own program: {other}")
