"""A study whose shards are trained by workers: each runs what a Slurm array would run.

A worker gets the script with what lies beside it, and the part of the study that is there already;
it brings back the part, trained to its end. What comes back is put together as ``merge`` does it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import BLOCKS
from whydiff.core.progress import Progress
from whydiff.core.shards import Shard
from whydiff.core.study import Study
from whydiff.core.vary import vary_words
from whydiff.experiments.study.answer import plan_of
from whydiff.experiments.study.merging import extract_part, merge_parts
from whydiff.experiments.study.request import Request, StudyFile
from whydiff.runner.executors import Workers
from whydiff.runner.executors.archive import (
    Archive,
    archived,
    whydiff_words,
    worker_environment,
)
from whydiff.runner.executors.commands import Command, Ended, run_command
from whydiff.runner.executors.local import cores
from whydiff.runner.executors.tasks import Outcome, run_tasks

#: The study file on a worker.
_PART = "shard.whydiff"


@dataclass(frozen=True)
class Spread:
    """``workers`` that train, and the files beside the script that they need."""

    workers: Workers
    ship: tuple[Path, ...] = ()


def over_workers(
    script: Path, request: Request, file: StudyFile, progress: Progress, spread: Spread
) -> Study:
    """Train what is missing of the study in ``file`` on workers; what its replicas say.

    Raises WhydiffError if no worker trained anything. What a worker could not train is missing in
    the answer, which says so.
    """
    if request.shard is not None:
        raise WhydiffError(
            "an executor trains all shards of a study",
            "Give --shard to machines that run whydiff by themselves, or --executor to one.",
        )
    archive = archived(script, spread.ship)
    count = spread.workers.count()
    planned = plan_of(file.stored).blocks if file.stored is not None else 0
    blocks = max(planned, request.blocks or 0) or BLOCKS
    shards = min(count, blocks)
    with _parts(file) as folder:
        named = [Shard(number + 1, shards) for number in range(shards)]
        if file.stored is not None:
            for shard in named:
                extract_part(file.stored, shard, _path(folder, shard))
        threads = max(1, cores() // count) if spread.workers.local else 1
        commands = [_command(archive, request, _path(folder, s), s, threads) for s in named]
        progress.step(f"training {shards} shards with {spread.workers.name}", total=shards)
        failures = []
        for outcome in run_tasks(spread.workers, run_command, commands):
            why = _kept(outcome, _path(folder, named[outcome.number]))
            if why:
                failures.append(f"shard {named[outcome.number]} failed: {why}")
                progress.note(failures[-1])
            progress.advance()
    if not file.path.exists():
        raise WhydiffError(f"no worker trained anything; {failures[0]}")
    return file.answered(request.metric)


def _command(archive: Archive, request: Request, part: Path, shard: Shard, threads: int) -> Command:
    files = dict(archive.files)
    words = ["study", archive.script, "--shard", str(shard), "--output", _PART]
    if part.exists():
        files[_PART] = part.read_bytes()
        words.append("--resume")
    else:
        words += [w for text in vary_words(request.varied) for w in ("--vary", text)]
    options = {
        "--blocks": request.blocks,
        "--seed": request.seed,
        "--metric": request.metric,
        "--engine": request.engine,
        "--fit": request.fit,
        "--workers": 1,
        "--time-limit": None if request.time_limit is None else f"{request.time_limit:.3f}s",
        "--budget": None if request.until is None else f"{_left(request.until):.3f}s",
    }
    words += [w for k, v in options.items() if v is not None for w in (k, str(v))]
    if request.arguments:
        words += ["--", *request.arguments]
    return Command(whydiff_words(words), worker_environment(threads), files, (_PART,))


def _left(until: float) -> float:
    return max(0.001, until - time.monotonic())


def _kept(outcome: Outcome, part: Path) -> str:
    """Keep the part that a worker brought back; why there is none, or none that is complete."""
    if outcome.failure:
        return outcome.failure
    ended: Ended = outcome.value
    content = ended.files.get(_PART)
    if content is not None:
        arrived = part.with_suffix(".arrived")
        arrived.write_bytes(content)
        arrived.replace(part)
    if ended.exit_code == 0:
        return ""
    said = [line for line in ended.said.splitlines() if line.startswith("whydiff: ")]
    return (said[-1].removeprefix("whydiff: ") if said else ended.said[-200:]) or "no reason given"


def _put_together(folder: Path, file: StudyFile) -> None:
    """What is there of the parts becomes the study file, as a whole or not at all."""
    parts = sorted(folder.glob("*.whydiff"))
    if parts:
        whole = folder / "whole.merged"
        merge_parts(parts, whole)
        whole.replace(file.path)


def _path(folder: Path, shard: Shard) -> Path:
    return folder / f"{shard.number}-of-{shard.count}.whydiff"


@contextmanager
def _parts(file: StudyFile) -> Iterator[Path]:
    """A folder beside the study file for its parts, so that nothing that came back is lost."""
    folder = file.path.with_name(f"{file.path.name}.parts")
    if folder.exists():
        raise WhydiffError(
            f"{folder} holds the parts of a study that was interrupted",
            f"Put them together: `whydiff merge {folder}/*.whydiff --output OTHER.whydiff`, remove "
            "the folder, and go on with --resume --output OTHER.whydiff.",
        )
    folder.mkdir()
    try:
        yield folder
    except KeyboardInterrupt:
        _put_together(folder, file)
        with file.kept() if file.path.exists() else nullcontext():
            raise
    finally:
        _put_together(folder, file)
        shutil.rmtree(folder)
