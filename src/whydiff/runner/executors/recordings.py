"""Scripts run on workers, watched, whose recordings come back: for whatever runs many scripts.

``lock --replicas`` uses it; ``bisect`` or a matrix of versions may: a :class:`ScriptRun` says how
the script is run, and ``storage.load`` reads what comes back like the recording of any run here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.temporary import temporary_folder
from whydiff.runner.client import Run
from whydiff.runner.executors import Workers
from whydiff.runner.executors.archive import Archive, python_words, worker_environment
from whydiff.runner.executors.commands import Command, Ended, run_command
from whydiff.runner.executors.local import cores
from whydiff.runner.executors.tasks import Outcome, run_tasks
from whydiff.runner.running import Runs
from whydiff.runner.scratch import place_for

_JOB, _RECORDING = "job.json", "run.recorded"
_PROGRAM = "from whydiff.runner.executors.recordings import on_worker; on_worker()"


@dataclass(frozen=True)
class ScriptRun:
    """How the script of an archive is run. ``reseed`` is the number of a replica, whose random
    numbers are others, None for the script as it is; ``time_limit`` in seconds."""

    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    reseed: int | None = None
    time_limit: float | None = None


@dataclass(frozen=True)
class Recorded:
    """The recording of run ``number``, or why there is none: ``path`` is None then."""

    number: int
    path: Path | None
    failure: str = ""


def recordings(
    workers: Workers, archive: Archive, runs: Sequence[ScriptRun], folder: Path
) -> Iterator[Recorded]:
    """Run the script once for each of ``runs``; recordings come to ``folder``, as they are done."""
    count = workers.count()
    threads = max(1, cores() // count) if workers.local else 1
    commands = [_command(archive, run, threads) for run in runs]
    for outcome in run_tasks(workers, run_command, commands):
        yield _received(outcome, folder / f"worker-{outcome.number}.whydiff")


def _command(archive: Archive, run: ScriptRun, threads: int) -> Command:
    job = json.dumps({"script": archive.script, **asdict(run)}).encode()
    files = {**archive.files, _JOB: job}
    return Command(python_words(_PROGRAM), worker_environment(threads), files, (_RECORDING,))


def _received(outcome: Outcome, path: Path) -> Recorded:
    if outcome.failure:
        return Recorded(outcome.number, None, outcome.failure)
    ended: Ended = outcome.value
    content = ended.files.get(_RECORDING)
    if ended.exit_code or content is None:
        said = ended.said.removeprefix("whydiff: ") or f"exited with {ended.exit_code}"
        return Recorded(outcome.number, None, said)
    path.write_bytes(content)
    return Recorded(outcome.number, path)


def on_worker() -> None:
    """In the folder of a command: run the script of ``job.json`` to its end, watched."""
    job = json.loads(Path(_JOB).read_text())
    script = Path(job["script"])
    run = Run(
        script, tuple(job["arguments"]), job["environment"], reseed=job["reseed"],
        purpose="a" if job["reseed"] is None else "replica",
    )  # fmt: skip
    with temporary_folder() as name:
        try:
            recording = _recorded(run, Path(name), job["time_limit"])
        except WhydiffError as error:
            sys.exit(f"whydiff: {error}")
        Path(_RECORDING).write_bytes(recording.read_bytes())


def _recorded(run: Run, folder: Path, limit: float | None) -> Path:
    """The recording, in ``folder``, of a run that ended as it should; else a WhydiffError."""
    runs = Runs(place_for([run.script]))
    with runs.run(run, folder, "run", serve=False, time_limit=limit) as ran:
        if ran.late:
            raise WhydiffError(f"{run.script} was stopped after the time limit of {limit:g} s")
        ran.complete("recorded")
    return ran.child.recording
