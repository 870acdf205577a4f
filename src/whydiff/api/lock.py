"""``lock``: train once and keep what identifies the training in a small file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.lock import Lock, Replicas
from whydiff.core.progress import Progress, Silent
from whydiff.core.question import SideOptions
from whydiff.core.recording import Execution
from whydiff.core.temporary import temporary_folder
from whydiff.experiments.lock.reference import reduced_lock
from whydiff.experiments.lock.rounding import Trial, trial_of
from whydiff.experiments.study.spread import Spread
from whydiff.runner.client import Run, run_of
from whydiff.runner.epochs import EpochProgress
from whydiff.runner.executors import workers_of
from whydiff.runner.executors.archive import archived
from whydiff.runner.executors.recordings import ScriptRun, recordings
from whydiff.runner.running import Ran, Runs, check_run_trained, counted_runs, times
from whydiff.runner.targets import check_path, target_of
from whydiff.storage import load
from whydiff.storage.lockfile import check_lock, locked_script, write_lock

#: what every lock was called before locks were named after their scripts
OLD_NAME = "whydiff.lock"


def try_script(runs: Runs, run: Run, folder: Path, progress: Progress) -> Trial:
    """Run a script watched, to its end. WhydiffError if it fails or uses no model.

    The caller closes ``trial.ran``.
    """
    epochs = EpochProgress(f"running {run.script}", progress)
    ran = runs.run(replace(run, purpose="a"), folder, "run", epochs=epochs)
    try:
        return trial_of(ran, _recorded(ran), folder, progress)
    except BaseException:
        ran.close()
        raise


def _recorded(ran: Ran) -> Execution:
    execution = ran.recorded("locked")
    if not execution.calls:
        check_run_trained(execution, ran.run)
    for fit in execution.fits:
        if not len(fit.steps):
            said = f"{ran.run.script}: fit {fit.index} was not watched, not one step was seen"
            raise WhydiffError("\n".join([said, *ran.remarks()]), "Nothing incomplete is locked.")
    return execution


def replicas(
    runs: Runs,
    run: Run,
    seeds: Sequence[int],
    folder: Path,
    progress: Progress,
) -> dict[int, Replicas]:
    """What every fit ends with under other random numbers: the script run once per seed.

    Where the time of ``runs`` is over, of those seeds that it sufficed for.
    """
    progress.step("training replicas with other seeds", total=len(seeds))
    logs: list[list[dict[str, float]]] = []
    for seed in seeds:
        if runs.time_left() == 0.0:
            break
        reseeded = replace(run, reseed=seed, purpose="replica")
        with runs.run(reseeded, folder, f"replica{seed}", serve=False) as ran:
            if ran.late:
                break
            logs.append(_last_logs(ran.complete("locked")))
        ran.child.recording.unlink()
        progress.advance()
    return _by_fit(_in_time(seeds, len(logs), progress), logs)


def _in_time(seeds: Sequence[int], done: int, progress: Progress) -> Sequence[int]:
    """The seeds that there was time for. WhydiffError where these are too few to say anything."""
    if done == len(seeds):
        return seeds
    said = f"{done} of {len(seeds)} replicas were trained in the time of --budget"
    if done < 2:
        raise WhydiffError(said, "Give it more time, or lock the script without --replicas.")
    progress.note(said)
    return seeds[:done]


def replicas_on_workers(
    spread: Spread,
    run: Run,
    seeds: Sequence[int],
    folder: Path,
    progress: Progress,
    until: Runs,
) -> dict[int, Replicas]:
    """Like :func:`replicas`, the script run by workers. WhydiffError if one run fails."""
    progress.step("training replicas with other seeds", total=len(seeds))
    archive = archived(run.script, spread.ship)
    runs = [ScriptRun(run.arguments, reseed=seed) for seed in seeds]
    logs: dict[int, list[dict[str, float]]] = {}
    for recorded in recordings(spread.workers, archive, runs, folder):
        if until.time_left() == 0.0:
            break
        if recorded.path is None:
            raise WhydiffError(f"replica {seeds[recorded.number]}: {recorded.failure}")
        logs[recorded.number] = _last_logs(load(recorded.path))
        progress.advance()
    done = [number for number in range(len(seeds)) if number in logs]
    _in_time(seeds, len(done), progress)
    return _by_fit([seeds[number] for number in done], [logs[number] for number in done])


def _last_logs(execution: Execution) -> list[dict[str, float]]:
    return [dict(fit.epochs[-1].logs) if fit.epochs else {} for fit in execution.fits]


def _by_fit(
    seeds: Sequence[int], logs: Sequence[Sequence[dict[str, float]]]
) -> dict[int, Replicas]:
    return {fit + 1: _collected(seeds, [run[fit] for run in logs]) for fit in range(_least(logs))}


def _least(logs: Sequence[Sequence[Any]]) -> int:
    return min(map(len, logs), default=0)


def _collected(seeds: Sequence[int], logs: Sequence[dict[str, float]]) -> Replicas:
    names = [name for name in logs[0] if all(name in run for run in logs)]
    return Replicas(tuple(seeds), {name: tuple(run[name] for run in logs) for name in names})


@dataclass(frozen=True)
class LockOptions:
    """How a script is locked: in scratch copies of the folder or ``in_place``, with ``replicas``
    under other seeds, trained by workers with ``spread``, as many as ``budget`` (seconds of all
    that is run) suffices for."""

    replicas: int = 0
    in_place: bool = False
    spread: Spread | None = None
    budget: float | None = None


def make_lock(
    script: str | Path,
    arguments: Sequence[str] = (),
    options: LockOptions = LockOptions(),
    progress: Progress | None = None,
    folder: Path | None = None,
) -> Lock:
    """Run ``script`` and return the lock of its trainings, predictions and evaluations.

    The lock names the script as seen from ``folder``, by default the script's own.
    Raises WhydiffError if the script fails, uses no model or could not be watched to its end.
    """
    count, spread = options.replicas, options.spread
    if count == 1 or count < 0:
        raise WhydiffError(
            f"--replicas {count} says nothing about a spread", "Take 5 or more, or none."
        )
    target = target_of(script)
    run = run_of(target, SideOptions(arguments=tuple(arguments)))
    path, progress = run.script, progress or Silent()
    if spread is not None:
        check_path(target, "Lock it without --executor.")
    here = times(1 if spread else 1 + count)
    with (
        counted_runs([path], options.in_place, progress, here) as runs,
        temporary_folder() as name,
    ):
        runs.seconds = options.budget
        trial = try_script(runs, run, Path(name), progress)
        with trial.ran:
            fits = trial.execution.fits
            made = reduced_lock(trial.execution, path, trial.outcomes, fits)
            made = replace(made, script=seen_from(folder or path.parent, path))
        if count and not made.fits:
            raise WhydiffError(
                f"{run.text} trains nothing that could be repeated with other seeds",
                "Lock it without --replicas.",
            )
        if count:
            seeds = range(1, count + 1)
            if spread is None:
                found = replicas(runs, run, seeds, Path(name), progress)
            else:
                found = replicas_on_workers(spread, run, seeds, Path(name), progress, runs)
            made = replace(made, replicas=found)
    return made


def lock(
    script: str | Path,
    arguments: Sequence[str] = (),
    output: str | Path | None = None,
    replicas: int = 0,
    progress: Progress | None = None,
    in_place: bool = False,
    force: bool = False,
    executor: str | Executor | None = None,
    ship: Sequence[str | Path] = (),
    budget: float | None = None,
) -> Path:
    """Train ``script`` and write its lock to ``output``; by default ``train.lock`` beside it.

    A script may also be named as ``"-m package.module"``.
    The script runs on scratch copies of the current folder, with ``in_place`` in itself. A file
    that is no lock, or the lock of another script, is only replaced with ``force``. With an
    ``executor``, as :func:`whydiff.study` takes it, its workers train the replicas. ``budget``
    bounds the seconds that all runs take: a script that lasts longer is not locked, and of the
    replicas those are kept that were trained by then.

    Returns the path. Locking an unchanged training on the same machine writes the same bytes.
    """
    file = target_of(str(script)).script
    path = Path(output) if output else default_lock(file)
    if not output and file.is_absolute() and not Path(script).is_absolute():
        raise WhydiffError(
            f"{script} is not part of this folder, so its lock does not belong beside it, in "
            f"{file.parent}",
            "Name the lock: -o FILE, and --lock FILE for verify.",
        )
    check_lock(path, seen_from(path.parent, file), force)
    spread = None
    if executor is not None:
        spread = Spread(workers_of(executor), tuple(map(Path, ship)))
    options = LockOptions(replicas, in_place, spread, budget)
    made = make_lock(script, arguments, options, progress, path.parent)
    write_lock(made, path)
    return path


def default_lock(script: str | Path) -> Path:
    """``train.lock`` beside ``train.py``: one for each script of a folder."""
    return Path(script).with_suffix(".lock")


def lock_of(script: str | Path) -> Path:
    """The lock of a script: :func:`default_lock`, or its ``whydiff.lock`` from before."""
    path = Path(script)
    old = path.parent / OLD_NAME
    if not default_lock(path).exists() and old.exists():
        with contextlib.suppress(ValueError, OSError, WhydiffError):
            if locked_script(old) == path.name:
                return old
    return default_lock(path)


def seen_from(folder: Path, script: Path) -> str:
    """The script as the lock names it: from the folder of the lock."""
    return Path(os.path.relpath(script, folder)).as_posix()
