"""The process pool: a script run whole, again and again, its random sources pinned.

For trainings that are no recipe: hand-written loops, data too large to keep. Slower than any
other engine, but all it needs is a script that prints or logs a number. Beyond this machine a
replica is a command on a worker. What it needs lies in its folder: the script with what is beside
it, and ``job.json``; what comes back is a study file with that one replica.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.machine import machine_facts
from whydiff.core.metrics import default_metric
from whydiff.core.plan import DRAW, Member, StoredReplica
from whydiff.core.progress import Progress
from whydiff.core.recording import Execution, Fit
from whydiff.core.replicas import Packing, Replica, Result
from whydiff.core.study import Study
from whydiff.core.temporary import temporary_folder
from whydiff.experiments.study.metadata import described, digest_of, part_facts
from whydiff.experiments.study.replica_trainer import chosen_fit
from whydiff.experiments.study.request import Request, StudyFile
from whydiff.experiments.study.training import Part, Studying
from whydiff.runner.client import Child, Run
from whydiff.runner.executors import Workers
from whydiff.runner.executors.archive import Archive, python_words, worker_environment
from whydiff.runner.executors.commands import Command, Ended, run_command
from whydiff.runner.executors.local import cores
from whydiff.runner.executors.tasks import Outcome, run_tasks
from whydiff.runner.messages import OwnFit, Pair, Recall
from whydiff.runner.running import Ran, Runs
from whydiff.runner.scratch import place_for
from whydiff.storage import StudyWriter, arrays, load_study

#: Sources that can be pinned from outside, see :mod:`whydiff.runner.child.pinning`.
SOURCES = ("initialization", "data-order", "noise")
#: Seconds that one run of a script may take unless another limit is given.
TIME_LIMIT = 3600.0
_NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf)"
_PRINTED = re.compile(rf"([A-Za-z][\w ./-]*?)\s*[:=]\s*({_NUMBER})(?![\w.])", re.IGNORECASE)
#: A line of TensorFlow's or XLA's log. Python's own logging is the script's, and may tell results.
_LOGGED = re.compile(r"[IWEF]\d{4} \d\d:|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWEF] ")


@dataclass(frozen=True)
class Limits:
    """``fit`` of a script to look at (default: the longest), seconds of one run, runs at a time."""

    fit: int | None = None
    time_limit: float | None = None
    workers: int | None = None


class Pool:
    """Trains replicas by running a script in processes of their own, several at a time.

    ``run`` says how it is run; a replica pins its random sources.
    """

    def __init__(
        self, run: Run, folder: Path, limits: Limits | None = None, runs: Runs | None = None
    ) -> None:
        limits = limits or Limits()
        self._as, self.folder, self.fit = run, folder, limits.fit
        self.time_limit = limits.time_limit or TIME_LIMIT
        self.workers = limits.workers or max(1, (os.cpu_count() or 1) // 2)
        self.runs = runs or Runs(place_for([run.script]))
        self.notes: list[str] = []
        self.pace = 0.0
        self.seen: Fit | None = None  # the fit of the first run that had one
        self.execution: Execution | None = None  # that run

    @property
    def machine(self) -> Mapping[str, Any]:
        """Facts about this machine."""
        return machine_facts() if self.seen is None else _machine(self.seen)

    def at_once(self, engine: str = "process", keep_weights: bool = True) -> int:
        """As many as run at a time."""
        return self.workers

    def train(
        self,
        replicas: Sequence[Replica],
        engine: str = "process",
        keep_weights: bool = False,
        packing: Packing | None = None,
    ) -> list[Result]:
        """Run the script once per replica; a run that fails or lasts too long says so."""
        started: list[Future[Result]] = []
        with ThreadPoolExecutor(self.workers) as threads:
            try:
                for replica in replicas:
                    started.append(threads.submit(self._run, replica, keep_weights))
                return [one.result() for one in started]
            except BaseException:  # whoever ends us does not wait for the runs under way
                threads.shutdown(wait=False, cancel_futures=True)
                self.runs.kill()
                while not all(one.done() for one in started):
                    time.sleep(0.05)
                    self.runs.kill()
                raise

    def _run(self, replica: Replica, keep_weights: bool) -> Result:
        started = time.monotonic()
        place = self.folder / f"replica{replica.number}"
        place.mkdir(exist_ok=True)
        prelude = ""
        if replica.number:
            prelude = (
                "from whydiff.runner.child.pinning import pin as _pin\n"
                f"_pin({dict(replica.seeds)!r})\ndel _pin\n"
            )
        # Hashes of text order sets; a value of its own per run would be one more random source.
        environment = {"PYTHONHASHSEED": "0", **(self._as.environment or {})}
        purpose = "replica" if replica.number else "a"
        run = replace(self._as, environment=environment, prelude=prelude, purpose=purpose)
        with self.runs.run(run, place, "a", time_limit=self.time_limit) as ran:
            try:
                result = self._result(replica, ran, place, keep_weights)
            except (WhydiffError, OSError) as error:
                result = Result(replica, "process", failure=f"{error}")
        for file in place.iterdir():
            file.unlink()
        place.rmdir()
        machine = result.machine or machine_facts()
        return replace(result, seconds=time.monotonic() - started, machine=machine)

    def _result(self, replica: Replica, ran: Ran, place: Path, keep_weights: bool) -> Result:
        if ran.late:
            limit = f"{self.time_limit:g} s"
            return Result(replica, "process", failure=f"stopped after the time limit of {limit}")
        if not (ran.succeeded or ran.trained_before_it_failed):
            return Result(replica, "process", failure=ran.failure)
        child, execution = ran.child, ran.execution
        printed = printed_numbers(child.log)
        if execution is None or not execution.fits:
            return Result(
                replica, "process", (printed,) if printed else (), digest=_digest_of(printed)
            )
        fit = chosen_fit(execution, self.fit)
        if self.seen is None:
            self.seen, self.execution = fit, execution
        final = arrays(child.recording, fit.index, "final")
        weights = {k.removeprefix("weights:"): v for k, v in final.items()}
        logs = [{**printed, **dict(epoch.logs)} for epoch in fit.epochs]
        return Result(
            replica,
            "process",
            logs=tuple(logs),
            predictions=_predictions(child, fit),
            weights=weights if keep_weights else None,
            digest=digest_of(fit),
            machine=_machine(fit),
        )


def _machine(fit: Fit) -> Mapping[str, Any]:
    return machine_facts(fit.recipe.hardware, fit.recipe.version)


def printed_numbers(log: Path | None) -> dict[str, float]:
    """The last number that a script printed under each name: ``accuracy: 0.91``, ``loss=2e-3``."""
    if log is None or not log.exists():
        return {}
    found: dict[str, float] = {}
    for line in re.split(r"[\r\n]+", log.read_text(errors="replace")):
        if _LOGGED.match(line):
            continue
        for part in re.split(r"[,;|]|\s{2,}| - ", line):
            match = _PRINTED.search(part)
            if match:
                found[" ".join(match[1].split())] = float(match[2])
    return found


def _digest_of(printed: dict[str, float]) -> str:
    if not printed:
        return ""
    return tensor_digest(np.array([v for _, v in sorted(printed.items())], np.float64))


def _predictions(child: Child, fit: Fit) -> tuple[np.ndarray, ...] | None:
    """Predictions of the trained model on its probe, if its process can still make them."""
    own = OwnFit(fit.index)
    try:
        child.request(Pair(own, own))
        predictions = child.request(Recall("a")).predictions
    except (WhydiffError, TransferError, AssertionError, OSError):
        return None
    return tuple(predictions or ()) or None


def _facts(pool: Pool) -> dict[str, Any]:
    """Plain facts for the study file, of what a first run showed."""
    if pool.seen is None:
        return {"index": 0, "backend": "", "classes": False, "validation": False, "identity": {}}
    facts = described(pool.seen, SOURCES, False)
    facts["identity"] = {}
    return facts


def with_pool(run: Run, request: Request, file: StudyFile, progress: Progress, runs: Runs) -> Study:
    """A study whose replicas are whole runs of the script."""
    stored, script = file.stored, request.named
    if request.varied.factors:
        raise WhydiffError(
            f"a script that is run as a whole cannot be set to {', '.join(request.varied.factors)}",
            "Give the script arguments of its own, and study it once for each.",
        )
    reasons = {
        "data-content": "a script that is run as a whole brings its own data",
        "arithmetic": "no weight of a script that is run as a whole can be moved",
    }
    plan = request.plan(SOURCES, reasons, stored)
    part = Part(plan, request.shard)
    with temporary_folder() as name:
        limits = Limits(request.fit, request.time_limit, request.workers)
        pool = Pool(run, Path(name), limits, runs)
        if stored is None:
            progress.step(f"running {script}")
            (own,) = pool.train([Replica(0)])
            if own.failure:
                raise WhydiffError(f"{script} failed: {own.failure}", "Fix the script first.")
            if not own.logs:
                raise WhydiffError(
                    f"{script} neither fits a Keras model that can be watched nor prints a number "
                    "under a name",
                    "Print what you want to study at the end: print(f'accuracy: {accuracy}').",
                )
            metric = default_metric(list(own.logs[-1]), request.metric)
            facts = _facts(pool)
        else:
            own, metric, facts = None, str(stored.meta.get("metric")), dict(stored.meta["fit"])
        meta = {
            "script": script,
            "arguments": list(request.arguments),
            "text": request.text,
            "chosen": f"all of {script}, run once per replica",
            "plan": plan.to_dict(),
            "engine": "process",
            **part_facts(part),
            "refused": {},
            "fit": facts,
            "metric": metric,
        }
        with file.writing(meta, plan) as writer:
            work = Studying(pool, writer, part, None, progress, request.until)
            if own is not None:
                work.own(own)
            with file.kept():
                work.train(part.first_block(), "process", "running the first block")
                work.train(part.members, "process", "running the script")
            writer.note({"notes": list(pool.notes)})
    return file.answered(request.metric)


JOB, RESULT = "job.json", "replica.whydiff"
_PROGRAM = "from whydiff.experiments.study.process_pool import on_worker; on_worker()"


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
