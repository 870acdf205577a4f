"""``matrix``: what one script ends in under many sets of packages, and which of them agree."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from whydiff.core.progress import Progress, Silent
from whydiff.core.question import SideOptions
from whydiff.core.searches import FAILED, Cell, Matrix
from whydiff.core.temporary import temporary_folder
from whydiff.core.words import count
from whydiff.experiments.matrix import Sets, sets_of
from whydiff.runner.releases import newest_of_series
from whydiff.runner.running import runs_of
from whydiff.runner.targets import target_of
from whydiff.storage.answers import keep, kept, search_id


def matrix(
    script: str | Path,
    *,
    over: Sequence[str] = (),
    sets: Sequence[str] = (),
    arguments: Sequence[str] = (),
    metric: str | None = None,
    in_place: bool = False,
    budget: float | None = None,
    file: str | Path | None = None,
    progress: Progress | None = None,
) -> Matrix:
    """Run ``script`` once under every set of packages, and group the sets by equal results.

    ``over`` names packages (the newest release of each of their last five series is tried) or
    versions of one (``"keras==3.8,3.10"``); several are combined. ``sets`` are requirements that
    go together (``"keras==3.8,jax==0.4.38"``). What is installed is always the first set. Results
    are grouped by equal digests of initial weights, first loss and final weights, and by the
    metric; each is held against the first that ran, so that what rounding does is told from real
    changes, as ``verify`` measures it. A set that cannot be had, or under which the script fails,
    is a cell with its reason.

    ``budget`` bounds the seconds that all runs take: sets that it does not suffice for are cells
    that say so.

    ``file`` keeps what was found: asked again, also for more sets, these are not run again.

    Raises WhydiffError where there is no such script, or releases cannot be listed.
    """
    progress = progress or Silent()
    target, name = target_of(str(script)), str(script)
    wanted = sets_of(sets, over, newest_of_series)
    identity = {
        "target": name, "arguments": list(arguments), "metric": metric,
        "script": target.script.read_text("utf-8", "replace"),
        "backend": os.environ.get("KERAS_BACKEND", ""),
    }  # fmt: skip
    cells = kept(Path(file), identity, "cells", Cell) if file else ()
    known = {cell.name: cell for cell in cells if cell.level != FAILED}
    found = dict(known)
    progress.note(f"{count(len(wanted), 'set')} of packages, each is run once")

    def noted(cell: Cell) -> None:
        found[cell.name] = cell
        progress.note(f"{cell.name}: {cell.level} ({cell.why})")
        if file:
            keep(Path(file), identity, "cells", tuple(found.values()))

    with temporary_folder() as place:
        runs = runs_of([target.script], in_place, progress, "each set runs the script once")
        runs.seconds = budget
        like = SideOptions(arguments=tuple(arguments))
        work = Sets(name, like, runs, Path(place).resolve(), progress)
        made = work.cells(wanted, known, noted)
    reference = next((cell for cell in made if cell.level != FAILED), None)
    chosen = reference.outcome.metric(metric) if reference else None
    return Matrix(
        question=f"What does {name} end in under {count(len(made), 'set')} of packages?",
        script=name,
        cells=tuple(made),
        reference=reference.name if reference else "",
        metric=chosen[0] if chosen else "",
        runs=work.count,
        search=search_id(identity),
    )
