"""The two ways of training that ``compare`` sets against each other, ready to be trained."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.interpreter import Interpreter
from whydiff.core.progress import Progress, Silent
from whydiff.core.recording import Fit
from whydiff.core.replicas import ASKED_FOR, Replica, Result
from whydiff.core.temporary import temporary_folder
from whydiff.core.vary import value_text
from whydiff.experiments.study.metadata import described
from whydiff.experiments.study.on_jax import on_jax
from whydiff.experiments.study.process_pool import SOURCES, Limits, Pool
from whydiff.experiments.study.remote_pool import RemotePool
from whydiff.experiments.study.replica_trainer import (
    ReplicaTrainer,
    Uncapturable,
    chosen_fit,
    prepared,
    replica_trainer,
)
from whydiff.experiments.study.spread import Spread
from whydiff.experiments.study.training import Trainer
from whydiff.runner.client import Run
from whydiff.runner.executors.archive import archived
from whydiff.runner.running import Runs


@dataclass(frozen=True)
class Way:
    """What a person names: a script (or a function that builds a model), and how to run it."""

    script: Path | Callable[[], Any]
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""  # what a person calls the script, if not by its path
    interpreter: Interpreter | None = None  # which Python runs it, if not our own

    def same_run(self, other: Way) -> bool:
        """Whether one run serves both: they differ in settings at most."""
        one, two = (
            (way.script, way.arguments, dict(way.environment), way.interpreter)
            for way in (self, other)
        )
        return one == two

    def told(self) -> str:
        """The way in words, as in ``train.py with optimizer=sgd``."""
        name = self.name or getattr(self.script, "__qualname__", None) or str(self.script)
        if self.arguments:
            name = f"{name} {' '.join(self.arguments)}"
        said = [f"{k}={value_text(v)}" for k, v in self.settings.items()]
        said += [f"{k}={v}" for k, v in self.environment.items()]
        said += [self.interpreter.name] if self.interpreter else []
        return f"{name} with {', '.join(said)}" if said else name


@dataclass(eq=False)
class Contestant:
    """A way of training with what trains it.

    ``sources`` a seed redraws, ``kept`` says of the others why not; ``logged`` are the metrics of
    its own training; ``engine`` is the executor to ask for.
    """

    way: Way
    trainer: Trainer
    sources: tuple[str, ...]
    kept: Mapping[str, str]
    logged: tuple[str, ...]
    facts: Mapping[str, Any]
    engine: str
    fit: Fit | None = None
    bench: ReplicaTrainer | None = None

    def train(self, seeds: Mapping[int, Mapping[str, int]], engine: str = "") -> list[Result]:
        """One result per number in ``seeds``, whose values are seeds by source."""
        replicas = [
            Replica(number, {s: v for s, v in own.items() if s in self.sources}, self.way.settings)
            for number, own in seeds.items()
        ]
        return self.trainer.train(replicas, engine or self.engine, False)


def open_contestants(
    stack: contextlib.ExitStack,
    ways: tuple[Way, Way],
    *,
    engine: str,
    fits: tuple[int | None, int | None] = (None, None),
    fit_of: tuple[Any, Mapping[str, Any]] = (None, {}),
    pairs: int = 0,
    time_limit: float | None = None,
    workers: int | None = None,
    spread: Spread | None = None,
    progress: Progress | None = None,
    runs: Runs,
) -> tuple[Contestant, Contestant]:
    """Run both ways once, watched, and keep their processes until ``stack`` is closed.

    One run serves both where only settings differ. With engine "auto" scripts that are no
    recipe, and their opponents, are run as a whole for each replica. ``fit_of`` are the data and
    fit arguments of functions. ``pairs`` is how many replicas of each may be needed. With
    ``spread`` workers run the whole scripts.
    """
    progress = progress or Silent()
    if engine != "process" and spread is None:
        try:
            return _benches(stack, ways, engine, fits, fit_of, pairs, progress, runs)
        except Uncapturable as why:
            if engine != "auto" or any(callable(way.script) for way in ways):
                raise
            progress.note(f"{why}: whole scripts are run for every replica")
    limits = [Limits(fit, time_limit, workers) for fit in fits]
    return _pools(stack, ways, limits, spread, progress, runs)


def _benches(
    stack: contextlib.ExitStack,
    ways: tuple[Way, Way],
    engine: str,
    fits: tuple[int | None, int | None],
    fit_of: tuple[Any, Mapping[str, Any]],
    trainings: int,
    progress: Progress,
    runs: Runs,
) -> tuple[Contestant, Contestant]:
    first = _bench(stack, ways[0], fits[0], fit_of, progress, runs)
    if not ways[0].same_run(ways[1]) or (ways[0] == ways[1] and fits[0] == fits[1]):
        benches = [first, _bench(stack, ways[1], fits[1], fit_of, progress, runs)]
    elif fits[0] == fits[1]:
        benches = [first, first]
    else:  # another fit of the same run
        fit = chosen_fit(first.execution, fits[1])
        benches = [
            first,
            prepared(ReplicaTrainer(first.execution, fit, first.process)),
        ]
    if benches[0].backend == benches[1].backend:
        _also_on_jax(stack, ways[0], first, trainings, engine, progress, runs)
        if benches[1] is not first:
            _also_on_jax(stack, ways[1], benches[1], trainings, engine, progress, runs)
    # Both on one executor: a difference between two executors is none of A and B.
    chosen = [bench.engine(engine) for bench in benches]
    common = chosen[0] if chosen[0] == chosen[1] else "solo"
    a, b = (_of_bench(way, bench, common) for way, bench in zip(ways, benches, strict=True))
    return a, b


def _bench(
    stack: contextlib.ExitStack,
    way: Way,
    fit: int | None,
    fit_of: tuple[Any, Mapping[str, Any]],
    progress: Progress,
    runs: Runs,
) -> ReplicaTrainer:
    if not isinstance(way.script, Path):
        from whydiff.experiments.study.in_process import local_bench

        return stack.enter_context(local_bench(way.script, *fit_of, progress))
    return stack.enter_context(
        replica_trainer(
            way.script,
            way.arguments,
            fit=fit,
            environment=way.environment or None,
            progress=progress,
            runs=runs,
            interpreter=way.interpreter,
        )
    )


def _also_on_jax(
    stack: contextlib.ExitStack,
    way: Way,
    bench: ReplicaTrainer,
    trainings: int,
    engine: str,
    progress: Progress,
    runs: Runs,
) -> None:
    if isinstance(way.script, Path):
        twin = on_jax(
            bench,
            way.script,
            way.arguments,
            redrawn=bench.sources,
            trainings=trainings,
            engine=engine,
            environment=way.environment or None,
            progress=progress,
            runs=runs,
            interpreter=way.interpreter,
        )
        stack.enter_context(twin)


def _of_bench(way: Way, bench: ReplicaTrainer, engine: str) -> Contestant:
    sources = tuple(s for s in bench.sources if s not in ASKED_FOR)
    _, validation = bench.probe()
    return Contestant(
        way,
        bench,
        sources,
        {k: v for k, v in bench.refused.items() if k not in ASKED_FOR},
        tuple(bench.fit.epochs[-1].logs) if bench.fit.epochs else (),
        described(bench.fit, sources, validation),
        engine,
        bench.fit,
        bench,
    )


def _pools(
    stack: contextlib.ExitStack,
    ways: tuple[Way, Way],
    limits: Sequence[Limits],
    spread: Spread | None,
    progress: Progress,
    runs: Runs,
) -> tuple[Contestant, Contestant]:
    made = []
    for way, limit in zip(ways, limits, strict=True):
        if way.settings:
            raise WhydiffError(
                f"a script that is run as a whole cannot be set to {', '.join(way.settings)}",
                "Name two scripts, or give B's run other arguments or another environment: "
                '--b-args "--lr 0.1", --b-env NAME=VALUE.',
            )
        assert isinstance(way.script, Path)
        folder = Path(stack.enter_context(temporary_folder()))
        run = Run(way.script, way.arguments, way.environment, interpreter=way.interpreter)
        pool = Pool(run, folder, limit, runs)
        if progress is not None:
            progress.step(f"running {runs.text(run)}")
        (own,) = pool.train([Replica(0)])
        if own.failure:
            raise WhydiffError(f"{way.script} failed: {own.failure}", "Fix the script first.")
        seen = pool.seen
        facts = described(seen, SOURCES, False) if seen else {}
        logged = tuple(own.logs[-1]) if own.logs else ()
        trainer: Trainer = pool
        if spread is not None:
            archive = archived(way.script, spread.ship)
            trainer = RemotePool(pool, run, limit, spread.workers, archive)
        made.append(Contestant(way, trainer, SOURCES, {}, logged, facts, "process", seen))
    return made[0], made[1]
