"""The two ways of training that ``compare`` sets against each other, ready to be trained."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.machine import Interpreter
from whydiff.core.progress import Progress
from whydiff.core.question import SideOptions
from whydiff.core.recording import Execution, Fit, Side
from whydiff.core.replicas import ASKED_FOR, Replica, Result
from whydiff.core.temporary import temporary_folder
from whydiff.core.vary import value_text
from whydiff.core.visible import renamed
from whydiff.diagnosis.sources import compare_all
from whydiff.experiments.explain.lines import with_lines
from whydiff.experiments.study.metadata import described
from whydiff.experiments.study.on_jax import Wanted, on_jax
from whydiff.experiments.study.process_pool import SOURCES, Limits, Pool, RemotePool
from whydiff.experiments.study.replica_trainer import (
    ReplicaTrainer,
    Uncapturable,
    chosen_fit,
    prepared,
    replica_trainer,
)
from whydiff.experiments.study.spread import Spread
from whydiff.experiments.study.training import Trainer
from whydiff.runner.client import Run, run_of
from whydiff.runner.executors.archive import archived
from whydiff.runner.running import Runs
from whydiff.runner.targets import Target, check_path


@dataclass(frozen=True)
class Way:
    """What a person names: a script (or a function that builds a model), and how to run it.

    ``target`` is what was named in place of the script's file: a module or a command.
    """

    script: Path | Callable[[], Any]
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""  # what a person calls the script, if not by its path
    interpreter: Interpreter | None = None  # which Python runs it, if not our own
    target: Target | None = None

    def same_run(self, other: Way) -> bool:
        """Whether one run serves both: they differ in settings at most."""
        one, two = (
            (way.script, way.target, way.arguments, dict(way.environment), way.interpreter)
            for way in (self, other)
        )
        return one == two

    def run(self) -> Run:
        """How its script is executed."""
        assert isinstance(self.script, Path)
        options = SideOptions(self.environment, self.arguments)
        return run_of(self.target or Target(self.script), options, interpreter=self.interpreter)

    def told(self) -> str:
        """The way in words, as in ``train.py with optimizer=sgd``."""
        name = self.name or getattr(self.script, "__qualname__", None) or str(self.script)
        name = self.target.text if self.target else name
        if self.arguments:
            name = f"{name} {' '.join(self.arguments)}"
        said = [f"{k}={value_text(v)}" for k, v in self.settings.items()]
        said += [f"{k}={v}" for k, v in self.environment.items()]
        said += [self.interpreter.name] if self.interpreter else []
        return f"{name} with {', '.join(said)}" if said else name


@dataclass(frozen=True)
class How:
    """How the two ways are trained: by which engine, and within which limits.

    ``fits`` of scripts count from 1, None is the longest; ``fit_of`` are the data and fit arguments
    of functions. ``pairs`` is how many replicas of each may be needed. With ``spread`` workers run
    the whole scripts.
    """

    engine: str
    fits: tuple[int | None, int | None] = (None, None)
    fit_of: tuple[Any, Mapping[str, Any]] = (None, {})
    pairs: int = 0
    time_limit: float | None = None
    workers: int | None = None
    spread: Spread | None = None


@dataclass(eq=False)
class Contestant:
    """A way of training with what trains it.

    ``sources`` a seed redraws, ``kept`` says of the others why not; ``logged`` are the metrics of
    its own training; ``engine`` is the executor to ask for. ``fit`` is the one that was watched,
    in ``execution``.
    """

    way: Way
    trainer: Trainer
    sources: tuple[str, ...]
    kept: Mapping[str, str]
    logged: tuple[str, ...]
    facts: Mapping[str, Any]
    engine: str
    fit: Fit | None = None
    execution: Execution | None = None
    bench: ReplicaTrainer | None = None

    @property
    def watched(self) -> Side | None:
        """The fit that was watched, None where there was none."""
        if self.execution is None or self.fit is None:
            return None
        return Side(self.execution, self.fit)

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
    how: How,
    progress: Progress,
    runs: Runs,
) -> tuple[Contestant, Contestant]:
    """Run both ways once, watched, and keep their processes until ``stack`` is closed.

    One run serves both where only settings differ. With engine "auto" scripts that are no
    recipe, and their opponents, are run as a whole for each replica.
    """
    if how.engine != "process" and how.spread is None:
        try:
            return _benches(stack, ways, how, progress, runs)
        except Uncapturable as why:
            if how.engine != "auto" or any(callable(way.script) for way in ways):
                raise
            progress.note(f"{why}: whole scripts are run for every replica")
    return _pools(stack, ways, how, progress, runs)


def _benches(
    stack: contextlib.ExitStack,
    ways: tuple[Way, Way],
    how: How,
    progress: Progress,
    runs: Runs,
) -> tuple[Contestant, Contestant]:
    fits = how.fits

    def opened(way: Way, fit: int | None) -> ReplicaTrainer:
        if isinstance(way.script, Path):
            trainer = replica_trainer(way.run(), fit=fit, progress=progress, runs=runs)
        else:
            from whydiff.experiments.study.replica_trainer import local_bench

            trainer = local_bench(way.script, *how.fit_of, progress)
        return stack.enter_context(trainer)

    first = opened(ways[0], fits[0])
    if not ways[0].same_run(ways[1]) or (ways[0] == ways[1] and fits[0] == fits[1]):
        benches = [first, opened(ways[1], fits[1])]
    elif fits[0] == fits[1]:
        benches = [first, first]
    else:  # another fit of the same run
        fit = chosen_fit(first.execution, fits[1])
        benches = [first, prepared(ReplicaTrainer(first.execution, fit, first.process))]
    if benches[0].backend == benches[1].backend:
        for way, bench in zip(ways, dict.fromkeys(benches), strict=False):
            if isinstance(way.script, Path):
                wanted = Wanted(how.engine, bench.sources, how.pairs)
                stack.enter_context(on_jax(bench, way.run(), wanted, progress, runs))
    # Both on one executor: a difference between two executors is none of A and B.
    chosen = [bench.engine(how.engine) for bench in benches]
    common = chosen[0] if chosen[0] == chosen[1] else "solo"
    a, b = (_of_bench(way, bench, common) for way, bench in zip(ways, benches, strict=True))
    return a, b


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
        bench.execution,
        bench,
    )


def _pools(
    stack: contextlib.ExitStack,
    ways: tuple[Way, Way],
    how: How,
    progress: Progress,
    runs: Runs,
) -> tuple[Contestant, Contestant]:
    made = []
    for way, fit in zip(ways, how.fits, strict=True):
        if way.settings:
            raise WhydiffError(
                f"a script that is run as a whole cannot be set to {', '.join(way.settings)}",
                "Name two scripts, or give B's run other arguments or another environment: "
                '--b-args "--lr 0.1", --b-env NAME=VALUE.',
            )
        run, limit = way.run(), Limits(fit, how.time_limit, how.workers)
        pool = Pool(run, Path(stack.enter_context(temporary_folder())), limit, runs)
        progress.step(f"running {runs.text(run)}")
        (own,) = pool.train([Replica(0)])
        if own.failure:
            raise WhydiffError(f"{run.script} failed: {own.failure}", "Fix the script first.")
        seen = pool.seen
        facts = described(seen, SOURCES, False) if seen else {}
        logged = tuple(own.logs[-1]) if own.logs else ()
        trainer: Trainer = pool
        if how.spread is not None:
            check_path(way.target or Target(run.script), "Compare them without --executor.")
            archive = archived(run.script, how.spread.ship)
            trainer = RemotePool(pool, run, limit, how.spread.workers, archive)
        made.append(
            Contestant(way, trainer, SOURCES, {}, logged, facts, "process", seen, pool.execution)
        )
    return made[0], made[1]


def between_revisions(pair: tuple[Contestant, Contestant], runs: Runs) -> tuple[Finding, ...]:
    """What differs between trainings of two revisions besides what seeds redraw, each with the
    changed line and its commit; () where no revision was named or no fit was watched."""
    made = [
        (runs.at_its_revision(one.way.run()), one.execution, one.fit)
        for one in pair
        if one.execution is not None and one.fit is not None and isinstance(one.way.script, Path)
    ]
    checkouts = [run.checkout for run, _, _ in made if run.checkout is not None]
    if len(made) < len(pair) or not checkouts:
        return ()
    one, other = (Side(execution, fit) for _, execution, fit in made)
    redrawn = {*pair[0].sources} & {*pair[1].sources}
    found = with_lines(
        [
            finding
            for finding in compare_all(one, other)
            if finding.status == DIFFERS and (finding.intended or finding.source not in redrawn)
        ],
        *made,
    )
    for checkout in checkouts:
        for place, name in checkout.names().items():
            found = renamed(found, place, name)
    return found
