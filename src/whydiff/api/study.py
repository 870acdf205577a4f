"""``study``: how much do results vary from run to run, and because of which source?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.machine import Interpreter
from whydiff.core.progress import Progress, Silent
from whydiff.core.question import SideOptions
from whydiff.core.shards import parse_shard
from whydiff.core.study import Study
from whydiff.core.vary import parse_vary
from whydiff.experiments.study.process_pool import with_pool
from whydiff.experiments.study.replica_trainer import ENGINES, Uncapturable, replica_trainer
from whydiff.experiments.study.request import Request, StudyFile, study_file
from whydiff.experiments.study.spread import Spread, over_workers
from whydiff.experiments.study.watched_fit import text_of, with_bench
from whydiff.experiments.tracking import StudyRuns
from whydiff.runner.client import Run, run_of
from whydiff.runner.environments import interpreter_of
from whydiff.runner.executors import workers_of
from whydiff.runner.running import Runs, counted_runs, times
from whydiff.runner.targets import check_path, target_of
from whydiff.storage import load_study
from whydiff.trackers import tracker_of


def study(
    script: str | Path | Callable[[], Any],
    data: Any = None,
    *,
    vary: str | Iterable[str] | None = None,
    blocks: int | None = None,
    seed: int | None = None,
    metric: str | None = None,
    engine: str = "auto",
    fit: int | None = None,
    output: str | Path | None = None,
    resume: bool = False,
    arguments: Sequence[str] = (),
    time_limit: float | None = None,
    budget: float | None = None,
    workers: int | None = None,
    shard: str | None = None,
    executor: str | Executor | None = None,
    ship: Sequence[str | Path] = (),
    progress: Progress | None = None,
    in_place: bool = False,
    python: str | Path = "",
    packages: Sequence[str] = (),
    as_of: str = "",
    track: str | None = None,
    **fit_arguments: Any,
) -> Study:
    """Train many replicas of a training and say how much they vary, and because of what.

    ``script`` is a path, ``"-m package.module"`` or an installed command, run with ``arguments``,
    or a function that builds and compiles a model; then ``data`` (a tuple of x, y and perhaps
    sample weights, or anything that ``fit`` takes as x) and ``fit_arguments`` go to ``fit``.

    ``vary`` is what ``--vary`` takes: random sources by name, factors by value. ``blocks``
    (default 20) is how often everything is redrawn; ``seed`` decides all seeds. ``engine``:
    "fused" trains many replicas as one program, "solo" one after the other, "process" runs the
    whole script ``workers`` at a time; "auto" takes the first that works. A run of the script
    may last ``time_limit`` seconds; no replica is begun once ``budget`` seconds are over, and what
    is missing then the answer says. ``fit`` picks a fit of the script, counting from 1 (default:
    the longest). Scripts run on scratch copies of the current folder, with ``in_place`` in it.
    ``python`` is the interpreter that runs the script, ``packages`` are other versions than are
    installed there (``["keras==3.10.0"]``), with ``as_of`` every package is the newest of that day.
    ``output`` is the study file (default: none is kept); with ``resume`` a study goes on, with
    more blocks if they are asked for. ``shard`` "2/8" trains the second of eight parts, which
    :func:`whydiff.merge` puts together. ``executor`` has all shards trained by workers: a name
    as ``--executor`` takes it, or any ``concurrent.futures.Executor``, of ``workers`` tasks at a
    time. They get the script's folder, or its Python files and what ``ship`` names.

    ``track`` writes a run per replica, as soon as it is trained, to an experiment tracker: ``"mlflow:sqlite:///runs.db"``,
    ``"wandb:PROJECT"``, ``"tensorboard:FOLDER"`` or ``"trackio:PROJECT"``.

    Raises WhydiffError if nothing can be trained or varied, or no replica logs ``metric``.
    """
    if engine not in ENGINES:
        raise WhydiffError(f"there is no engine {engine!r}", f"Engines: {', '.join(ENGINES)}.")
    progress = progress or Silent()
    runs_kept = StudyRuns(tracker_of(track), progress) if track is not None else None
    request = Request(
        parse_vary(vary), blocks, seed, metric, engine, tuple(arguments), fit, time_limit, workers,
        parse_shard(shard) if shard is not None else None,
        until=None if budget is None else time.monotonic() + budget,
    )  # fmt: skip
    with study_file(output, resume, runs_kept) as file:
        if file.stored is not None:
            request = request.gone_on(file.stored)
        if callable(script):
            if executor is not None:
                raise WhydiffError(
                    "an executor trains scripts; a function and its data stay in this process",
                    "Write the function into a script that fits its model.",
                )
            from whydiff.experiments.study.replica_trainer import local_bench

            with local_bench(script, data, fit_arguments, progress) as bench:
                found = with_bench(request, bench, file, progress)
        elif data is not None or fit_arguments:
            raise WhydiffError(
                "data and fit arguments belong to a function that builds a model",
                f"{script} is a script and brings its own.",
            )
        else:
            target = target_of(script)
            options = SideOptions(
                {}, request.arguments, python=str(python), packages=tuple(packages), as_of=as_of
            )
            request = replace(request, named=target.text, text=text_of(target.script))
            _check_begun(request, file)
            interpreter = interpreter_of(options, target.script)
            if executor is not None:
                check_path(target, "Study it without --executor.")
                spread = _spread(interpreter, executor, workers, ship)
                found = over_workers(target.script, request, file, progress, spread)
            else:
                run = run_of(target, options, interpreter=interpreter)
                found = _here(run, request, file, progress, in_place)
        if runs_kept is not None:
            runs_kept.end(found, load_study(file.path))
    return found


def _spread(
    interpreter: Interpreter | None,
    executor: str | Executor,
    workers: int | None,
    ship: Sequence[str | Path],
) -> Spread:
    if interpreter is not None:
        raise WhydiffError(
            "workers of an executor train in the environment that they have",
            "Leave --executor away, or give the workers these packages.",
        )
    return Spread(workers_of(executor, workers), tuple(map(Path, ship)))


def _check_begun(request: Request, file: StudyFile) -> None:
    """Raise WhydiffError where a study that goes on was begun with another text."""
    stored = file.stored
    if stored is not None and stored.meta.get("text") not in (None, request.text):
        raise WhydiffError(
            f"{request.named} has changed since the study was begun",
            "Take the change back, or begin another study with another --output.",
        )


def _here(run: Run, request: Request, file: StudyFile, progress: Progress, in_place: bool) -> Study:
    """The study of a script that runs on this machine."""
    once = request.engine in ("fused", "solo")
    again = "" if once else ", and once per replica if it is no recipe"
    with counted_runs([run.script], in_place, progress, times(1) + again) as runs:
        return _of_script(run, request, file, progress, runs)


def _of_script(
    run: Run, request: Request, file: StudyFile, progress: Progress, runs: Runs
) -> Study:
    if request.engine != "process":
        try:
            with replica_trainer(
                run, fit=request.fit, time_limit=request.time_limit, progress=progress, runs=runs
            ) as bench:
                return with_bench(request, bench, file, progress, run, runs)
        except Uncapturable as why:
            if request.engine != "auto":
                raise
            progress.note(f"{why}: the whole script is run again for every replica")
    return with_pool(run, request, file, progress, runs)
