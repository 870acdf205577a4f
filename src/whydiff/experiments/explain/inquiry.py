"""One question under way: its programs run, A at once and B when a step first asks for it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from whydiff.core.progress import Progress
from whydiff.core.question import Question
from whydiff.experiments.explain.calls import Site, site_of
from whydiff.experiments.explain.fix_trials import MOST_TRIED
from whydiff.experiments.explain.sides import (
    RunningSides,
    run_script,
    two_executions,
    two_fits,
    two_successive_fits,
)
from whydiff.runner.client import Run, run_of
from whydiff.runner.running import Ran, Runs, runs_of
from whydiff.runner.targets import target_of
from whydiff.script_text.notebooks import cells, left_out


@dataclass(eq=False)
class Inquiry:
    """What was asked, the runs made for it, and the pairs of trainings found in them.

    The processes of the runs live until ``processes`` is closed.
    """

    question: Question
    runs: Runs
    run_b: Run
    ran_a: Ran
    site: Site  # A's process and recording
    folder: Path
    progress: Progress
    processes: contextlib.ExitStack
    notes: list[str] = field(default_factory=list)

    @cached_property
    def ran_b(self) -> Ran:
        """B, run when this is first asked for."""
        ran = run_script(self.runs, self.run_b, self.folder, "b", self.progress, cut_short=True)
        self.processes.enter_context(ran)
        self.notes += [note for note in ran.notes if note not in self.notes]
        return ran

    @cached_property
    def site_b(self) -> Site:
        """B's process and recording."""
        return site_of(self.ran_b, self.folder)

    @cached_property
    def fits_of_one_run(self) -> RunningSides | None:
        """Two fits of A's run, where that may hold both sides: those asked for, or independent."""
        if not self.question.one_program:
            return None
        return two_fits(self.ran_a, self.question.fits, self.folder)

    @cached_property
    def fits_of_two_runs(self) -> RunningSides | None:
        """A fit of each run; not looked for where one run holds two to compare."""
        if self.fits_of_one_run is not None:
            return None
        return two_executions(self.ran_a, self.ran_b, self.question.fits, self.folder)

    @cached_property
    def successive_fits(self) -> RunningSides | None:
        """Two fits of one training, where two runs of it agree."""
        if self.fits_of_two_runs is None or not self.question.one_program:
            return None
        return two_successive_fits(self.ran_a, self.folder)


@contextlib.contextmanager
def inquiry(question: Question, progress: Progress) -> Iterator[Inquiry]:
    """Run A's program; everything is ended and thrown away on leaving.

    WhydiffError where there is no such program, it fails, or uses no model.
    """
    targets = [target_of(name) for name in question.targets]
    with (
        tempfile.TemporaryDirectory(prefix="whydiff-") as name,
        _kept_on_ctrl_c(Path(name), targets[0].script),
        contextlib.ExitStack() as processes,
    ):
        folder = Path(name)
        run_a, run_b = (
            run_of(target, options)
            for target, options in zip((targets[0], targets[-1]), question.sides(), strict=True)
        )
        how_often = _how_often(question.fix)
        runs = runs_of([run_a.script, run_b.script], question.in_place, progress, how_often)
        ran_a = processes.enter_context(run_script(runs, run_a, folder, "a", progress))
        notes = [*ran_a.notes, *_left_out(run_a.script)]
        site = site_of(ran_a, folder)
        yield Inquiry(question, runs, run_b, ran_a, site, folder, progress, processes, notes)


def _how_often(fix: bool) -> str:
    """Said beforehand: the most executions there may be."""
    most = 2 * MOST_TRIED
    return "the script runs once or twice" + (f", and at most {most} times to try fixes" * fix)


def _left_out(script: Path) -> list[str]:
    """What is not run of a notebook."""
    if script.suffix != ".ipynb":
        return []
    lines = list(left_out(cells(script.read_text(encoding="utf-8"))))
    return [f"Not run, as only IPython understands it: {', '.join(lines)}."] if lines else []


@contextlib.contextmanager
def _kept_on_ctrl_c(folder: Path, script: Path) -> Iterator[None]:
    """On Ctrl-C, keep the recordings made so far beside where the person stands."""
    try:
        yield
    except KeyboardInterrupt:
        kept = []
        for name in ("a", "b"):
            recording = folder / f"{name}.whydiff"
            if recording.exists():
                kept.append(f"{script.stem}.{name}.whydiff")
                shutil.copy(recording, kept[-1])
        if not kept:
            raise
        raise KeyboardInterrupt(
            f"kept {' and '.join(kept)}; `whydiff show {kept[0]}` prints what was recorded"
            + (f", `whydiff diff {kept[0]} {kept[1]}` compares" if len(kept) == 2 else "")
            + "; the same command starts again"
        ) from None
