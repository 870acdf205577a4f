"""Two programs run once each, and what was recorded of them compared; nothing is trained again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import DIFFERS, Diff
from whydiff.core.progress import Progress
from whydiff.core.question import Question
from whydiff.core.recording import Execution, Fit
from whydiff.core.temporary import temporary_folder
from whydiff.core.visible import renamed
from whydiff.experiments.explain.inquiry import run_notes, runs_asked_for
from whydiff.experiments.explain.lines import with_lines
from whydiff.experiments.explain.recorded import diff_of
from whydiff.experiments.explain.sides import run_alike, run_script
from whydiff.runner.client import Run
from whydiff.runner.running import runs_of


@dataclass(frozen=True, eq=False)
class _Recorded:
    """One side: how it was run, and the recording of that."""

    run: Run
    execution: Execution
    file: Path


def diff_programs(question: Question, progress: Progress) -> Diff:
    """Run A and B once each and compare the last fit of both, or the last call without one.

    WhydiffError where one of them fails or uses no model.
    """
    with temporary_folder() as name:
        folder = Path(name).resolve()
        runs = runs_asked_for(question, folder, progress)
        counted = runs_of(
            [run.script for run in runs if run.checkout is None],
            question.in_place,
            progress,
            "each side runs once",
            [run.checkout for run in runs if run.checkout],
        )
        sides = []
        for run, side in zip(runs, "ab", strict=True):
            with run_script(counted, run, folder, side, progress) as ran:
                sides.append(_Recorded(run, ran.recorded("compared"), ran.child.recording))
        a, b = sides
        found = diff_of(str(a.file), str(b.file))
        uses = [(side.run, side.execution, call) for side in sides if (call := _call(side))]
        if not run_alike(a.run, b.run) and len(uses) == len(sides):
            differing = [one for one in found.findings if one.status == DIFFERS]
            told = dict(zip(differing, with_lines(differing, *uses), strict=True))
            found = replace(found, findings=tuple(told.get(one, one) for one in found.findings))
        notes = (*found.notes, *run_notes(*runs), *counted.notes())
        found = replace(found, a=a.run.text, b=b.run.text, notes=notes)
    for run in runs:
        for place, text in run.checkout.names().items() if run.checkout else ():
            found = renamed(found, place, text)
    return found


def _call(side: _Recorded) -> Fit | MeasuringCall | None:
    """What is compared of a side."""
    made: Sequence[Fit | MeasuringCall] = side.execution.fits or side.execution.calls
    return made[-1] if made else None
