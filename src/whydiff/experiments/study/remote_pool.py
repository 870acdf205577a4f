"""Whole scripts run for replicas on workers: the process pool beyond this machine.

A replica is a command on a worker. What it needs lies in its folder: the script with what is beside
it, and ``job.json``; what comes back is a study file with that one replica.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import DRAW, Member, StoredReplica
from whydiff.core.replicas import Packing, Replica, Result
from whydiff.core.temporary import temporary_folder
from whydiff.experiments.study.process_pool import Limits, Pool
from whydiff.runner.client import Run
from whydiff.runner.executors import Workers
from whydiff.runner.executors.archive import Archive, python_words, worker_environment
from whydiff.runner.executors.commands import Command, Ended, run_command
from whydiff.runner.executors.local import cores
from whydiff.runner.executors.tasks import Outcome, run_tasks
from whydiff.storage import StudyWriter, load_study

JOB, RESULT = "job.json", "replica.whydiff"
_PROGRAM = "from whydiff.experiments.study.remote_pool import on_worker; on_worker()"


class RemotePool:
    """Trains replicas of what ``pool`` runs, each by a command on a worker.

    The script's own run is the pool's, on this machine.
    """

    def __init__(self, pool: Pool, run: Run, limits: Limits, workers: Workers, archive: Archive):
        self._pool, self._as, self._limits = pool, run, limits
        self._workers, self._archive = workers, archive
        self._count = workers.count()
        self.notes: list[str] = pool.notes
        self.pace = 0.0
        self.machine: Mapping[str, Any] = {}

    def at_once(self, engine: str = "process", keep_weights: bool = True) -> int:
        """As many as workers run at a time."""
        return self._count

    def train(
        self,
        replicas: Sequence[Replica],
        engine: str = "process",
        keep_weights: bool = False,
        packing: Packing | None = None,
    ) -> list[Result]:
        """Run the script once per replica; one that fails, or whose worker is lost, says so."""
        commands = [self._command(replica) for replica in replicas]
        found = {
            outcome.number: result_of(outcome, replicas[outcome.number])
            for outcome in run_tasks(self._workers, run_command, commands)
        }
        results = [found[number] for number in range(len(replicas))]
        self.machine = next((r.machine for r in results if r.machine), self.machine)
        return results

    def _command(self, replica: Replica) -> Command:
        job = {
            "script": self._archive.script,
            "arguments": list(self._as.arguments),
            "environment": dict(self._as.environment or {}),
            "fit": self._limits.fit,
            "time_limit": self._limits.time_limit,
            "number": replica.number,
            "seeds": dict(replica.seeds),
        }
        files = {**self._archive.files, JOB: json.dumps(job).encode()}
        threads = max(1, cores() // self._count) if self._workers.local else 1
        return Command(python_words(_PROGRAM), worker_environment(threads), files, (RESULT,))


def result_of(outcome: Outcome, replica: Replica) -> Result:
    """What came back of a replica."""
    if outcome.failure:
        return Result(replica, "process", failure=outcome.failure)
    ended: Ended = outcome.value
    content = ended.files.get(RESULT)
    if content is None:
        said = (ended.said.splitlines() or [f"exited with {ended.exit_code}"])[-1]
        return Result(replica, "process", failure=said.removeprefix("whydiff: "))
    with temporary_folder() as name:
        path = Path(name) / RESULT
        path.write_bytes(content)
        try:
            stored = load_study(path).kept
        except WhydiffError as error:
            return Result(
                replica, "process", failure=f"what its worker sent cannot be read: {error}"
            )
    return replace(stored[replica.number].result, replica=replica)


def on_worker() -> None:
    """In the folder of a command: train the replica of ``job.json``."""
    job = json.loads(Path(JOB).read_text())
    replica = Replica(job["number"], job["seeds"])
    run = Run(Path(job["script"]), tuple(job["arguments"]), job["environment"])
    with temporary_folder() as name:
        pool = Pool(run, Path(name), Limits(job["fit"], job["time_limit"], 1))
        (result,) = pool.train([replica])
    with StudyWriter.begin(Path(RESULT), {}) as writer:
        writer.add([StoredReplica(Member(replica, 0, DRAW), result)])
