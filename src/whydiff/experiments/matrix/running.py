"""Running one script under one set after the other, each held against the first that ran."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import OutOfTime
from whydiff.core.matrix import EQUAL, FAILED, Cell
from whydiff.core.progress import Progress
from whydiff.core.question import SideOptions
from whydiff.experiments.matrix.sets import PackageSet
from whydiff.experiments.reference_run import (
    Reference,
    in_a_line,
    outcome_of,
    reference_of,
    try_run,
)
from whydiff.runner.asked import run_as_asked
from whydiff.runner.environments import moved
from whydiff.runner.revisions import Checkouts
from whydiff.runner.running import OUT_OF_TIME, Runs


@dataclass(eq=False)
class Sets:
    """Runs a target under sets of packages. The first that runs is the reference of the others."""

    target: str
    like: SideOptions
    runs: Runs
    folder: Path
    progress: Progress
    reference: Reference | None = None
    count: int = 0

    def cells(
        self, sets: Sequence[PackageSet], known: Mapping[str, Cell], noted: Callable[[Cell], None]
    ) -> list[Cell]:
        """A cell for every set; those that are ``known`` are not run, unless as the reference."""
        found: list[Cell] = []
        for one in sets:
            cell = known.get(one.name)
            if cell is None:
                first = next((c for c in found if c.level == EQUAL), None)
                if first is not None and self.reference is None:  # it ran at another time
                    self._run(PackageSet(first.requirements))
                cell = self._run(one)
                noted(cell)
            found.append(cell)
        return found

    def _run(self, one: PackageSet) -> Cell:
        self.count += 1
        began = time.monotonic()
        place = self.folder / f"set{self.count}"
        place.mkdir()
        try:
            cell = self._tried(one, place)
        except (OutOfTime, WhydiffError) as why:
            cell = Cell(one.name, one.requirements, FAILED, in_a_line(why))
        finally:
            shutil.rmtree(place)
        return replace(cell, seconds=round(time.monotonic() - began, 1))

    def _tried(self, one: PackageSet, place: Path) -> Cell:
        if self.runs.time_left() == 0.0:
            raise WhydiffError(f"not run, {OUT_OF_TIME}")
        if one.requirements:
            self.progress.step(f"making an environment with {one.name}")
        options = replace(self.like, packages=one.requirements)
        run = run_as_asked(self.target, options, Checkouts(place))
        others = moved(run.interpreter) if run.interpreter is not None else ""
        trial = try_run(self.runs, run, place, "run", self.progress)
        with trial.ran:
            if self.reference is None:
                self.reference, level, why = reference_of(trial), EQUAL, "the reference"
            else:
                judged = self.reference.judge(trial, self.progress)
                level, why = judged.level, judged.why
        return Cell(one.name, one.requirements, level, why, others, outcome_of(trial.execution))
