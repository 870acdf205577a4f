"""One script under many sets of packages, each held against the first that ran: which end alike."""

from __future__ import annotations

import itertools
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import OutOfTime
from whydiff.core.progress import Progress
from whydiff.core.question import SideOptions
from whydiff.core.searches import EQUAL, FAILED, Cell
from whydiff.experiments.reference_run import (
    Reference,
    in_a_line,
    outcome_of,
    reference_of,
    try_run,
)
from whydiff.runner.environments import moved
from whydiff.runner.revisions import Checkouts
from whydiff.runner.running import OUT_OF_TIME, Runs, run_as_asked

#: what the packages as they are installed are called
INSTALLED = "as installed"
#: Series of releases that are taken where only a package is named.
SERIES = 5
_OVER = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:==\s*([\w.!+,\s-]+))?\s*")


@dataclass(frozen=True)
class PackageSet:
    """Requirements that are installed together; none: as it is installed."""

    requirements: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``keras==3.10.0, jax==0.4.38``."""
        return ", ".join(self.requirements) or INSTALLED


def sets_of(
    named: Sequence[str], over: Sequence[str], newest: Callable[[str, int], list[str]]
) -> list[PackageSet]:
    """As installed, the sets that are ``named``, and every combination of versions gone ``over``.

    ``over`` holds packages (``keras``: the newest release of each of its last series, as
    ``newest(name, count)`` lists them) or versions of one (``keras==3.8,3.10``).
    """
    sets = [PackageSet(), *(_named(text) for text in named)]
    versions = [_versions(text, newest) for text in over]
    sets += [PackageSet(combination) for combination in itertools.product(*versions) if combination]
    return list(dict.fromkeys(sets))


def _named(text: str) -> PackageSet:
    requirements = tuple(part.strip() for part in text.split(",") if part.strip())
    if not requirements:
        raise WhydiffError(
            f"--set {text!r} names no package", 'Write --set "keras==3.8,jax==0.4.38".'
        )
    return PackageSet(requirements)


def _versions(text: str, newest: Callable[[str, int], list[str]]) -> list[str]:
    found = _OVER.fullmatch(text)
    if not found:
        raise WhydiffError(
            f"--over {text!r} names no package", 'Write --over keras, or --over "keras==3.8,3.10".'
        )
    given = [part.strip() for part in (found[2] or "").split(",") if part.strip()]
    return [f"{found[1]}=={version}" for version in given or newest(found[1], SERIES)]


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
        trial = try_run(self.runs, run, place, self.progress)
        with trial.ran:
            if self.reference is None:
                self.reference, level, why = reference_of(trial), EQUAL, "the reference"
            else:
                judged = self.reference.judge(trial, self.progress)
                level, why = judged.level, judged.why
        return Cell(one.name, one.requirements, level, why, others, outcome_of(trial.execution))
