"""``compare``: is B better than A, or is the difference between them that of seeds?"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whydiff.core.comparison import EXPECTATIONS, Comparison
from whydiff.core.errors import WhydiffError
from whydiff.core.metrics import default_metric, larger_is_better
from whydiff.core.progress import Progress, Silent
from whydiff.core.question import SideOptions
from whydiff.core.temporary import temporary_folder
from whydiff.core.tracked import Scalar
from whydiff.experiments.compare import numbers
from whydiff.experiments.compare.contestants import (
    Contestant,
    How,
    Way,
    between_revisions,
    open_contestants,
)
from whydiff.experiments.compare.pairing import AUTO, Rule, TrainedHybrid
from whydiff.experiments.compare.training import Comparing
from whydiff.experiments.study.replica_trainer import ENGINES
from whydiff.experiments.study.spread import Spread
from whydiff.experiments.tracking import ComparisonRuns
from whydiff.runner.environments import interpreter_of
from whydiff.runner.executors import workers_of
from whydiff.runner.revisions import Checkouts
from whydiff.runner.running import Runs, counted_runs
from whydiff.runner.targets import target_of
from whydiff.stats.sequential import ASSUMPTIONS, fewest_pairs
from whydiff.trackers import tracker_of

#: Pairs after which an open question stays open, unless another number is asked for. Trainings
#: that never differ are equivalent after 59.
MAX_PAIRS = 60


def compare(
    a: str | Path | Callable[[], Any],
    b: str | Path | Callable[[], Any] | None = None,
    data: Any = None,
    *,
    settings: Mapping[str, Any] | None = None,
    a_settings: Mapping[str, Any] | None = None,
    a_env: Mapping[str, str] | None = None,
    b_env: Mapping[str, str] | None = None,
    b_arguments: Sequence[str] | None = None,
    a_rev: str = "",
    b_rev: str = "",
    a_python: str | Path = "",
    b_python: str | Path = "",
    a_packages: Sequence[str] = (),
    b_packages: Sequence[str] = (),
    a_as_of: str = "",
    b_as_of: str = "",
    metric: str | None = None,
    mode: str | None = None,
    margin: float = 0.0,
    alpha: float = 0.05,
    assume: str = AUTO,
    max_pairs: int = MAX_PAIRS,
    budget: float | None = None,
    seed: int = 0,
    engine: str = "auto",
    fits: tuple[int, int] | None = None,
    arguments: Sequence[str] = (),
    time_limit: float | None = None,
    workers: int | None = None,
    executor: str | Executor | None = None,
    ship: Sequence[str | Path] = (),
    progress: Progress | None = None,
    in_place: bool = False,
    track: str | None = None,
    **fit_arguments: Any,
) -> Comparison:
    """Train A and B with the same seeds, pair after pair, until it is clear which is better.

    ``a`` and ``b`` are scripts, run with ``arguments`` (B with ``b_arguments``, if given), or
    functions that build and compile a model; then ``data`` and ``fit_arguments`` go to ``fit``.
    Without ``b`` both are ``a``, and what differs is ``settings`` of B, as in
    ``{"optimizer": "sgd", "learning-rate": 0.1}``, its environment, its arguments, or the git
    revision of its files (``a_rev``, ``b_rev``; a side without one has the files as they are now),
    or its Python and packages (``a_python``, ``a_packages`` and ``a_as_of``, as in ``explain``).

    ``metric`` is the logged metric to decide by (default: the first validation metric), after
    the last epoch; ``mode`` is "max" or "min" where its name does not say which is better.
    Differences up to ``margin``, in the metric's unit, do not matter. The verdict is looked for
    after every pair, and wrong with probability ``alpha`` at most, however many pairs it takes.
    For a metric between 0 and 1 it rests on these bounds alone ("bounded"), so that rare collapses
    are allowed for; ``typical`` is the verdict on runs like those seen, and where the other would
    take more than ``max_pairs`` the comparison ends with that. For other metrics, or with
    ``assume`` "symmetric", equal trainings are taken to differ as often up as down; what is seen of
    their shape is checked, rare collapses of which none was seen are not (see
    :mod:`whydiff.stats.sequential`). After ``max_pairs`` or ``budget`` seconds the question stays
    open. Scripts run on scratch copies of the current folder, with ``in_place`` in
    it. ``fits`` picks the fits of both scripts, counting from 1. With an ``executor``, as
    :func:`whydiff.study` takes it, whole scripts run on its workers, as many at a time as it has.

    ``track`` writes two runs per pair, as soon as it is trained, to an experiment tracker: ``"mlflow:sqlite:///runs.db"``,
    ``"wandb:PROJECT"``, ``"tensorboard:FOLDER"`` or ``"trackio:PROJECT"``.

    Raises WhydiffError if either cannot be trained, nothing differs or nothing is random.
    """
    began = time.monotonic()
    progress = progress or Silent()
    tracker = tracker_of(track) if track is not None else None
    with contextlib.ExitStack() as stack:
        checkouts = Checkouts(Path(stack.enter_context(temporary_folder())))
        given, given_b = tuple(arguments), arguments if b_arguments is None else b_arguments
        side_a = SideOptions(
            dict(a_env or {}), given, a_rev, str(a_python), tuple(a_packages), a_as_of
        )
        side_b = SideOptions(
            dict(b_env or {}), tuple(given_b), b_rev, str(b_python), tuple(b_packages), b_as_of
        )
        ways = (
            _way(a, side_a, a_settings, checkouts),
            _way(a if b is None else b, side_b, settings, checkouts),
        )
        if b is None and ways[0] == ways[1] and (fits is None or fits[0] == fits[1]):
            raise WhydiffError(
                f"A and B are both {ways[0].told()}: nothing differs",
                "Name a second script, or say what B does otherwise: --set optimizer=sgd, "
                '--b-env NAME=VALUE or --b-args "--lr 0.1"; --fits 1,2 compares two fits of a '
                "script.",
            )
        decided = _Decided(metric, mode, margin, alpha, max_pairs, assume)
        decided.check()
        if engine not in ENGINES:
            raise WhydiffError(f"there is no engine {engine!r}", f"Engines: {', '.join(ENGINES)}.")
        if (data is not None or fit_arguments) and not all(callable(w.script) for w in ways):
            raise WhydiffError(
                "data and fit arguments belong to functions that build a model",
                f"{ways[0].told()} is a script and brings its own.",
            )
        spread = _spread(executor, workers, ship, ways, engine)
        runs = Runs()
        if any(isinstance(way.script, Path) for way in ways):
            own = [way.script for way in ways if isinstance(way.script, Path) and not way.name]
            how_often = "each script runs once, and once per pair if it is no recipe"
            runs = stack.enter_context(
                counted_runs(own, in_place, progress, how_often, checkouts.made)
            )
        how = How(
            engine, fits or (None, None), (data, fit_arguments), max_pairs, time_limit, workers,
            spread,
        )  # fmt: skip
        pair = open_contestants(stack, ways, how, progress, runs)
        rule = decided.rule(pair)
        runs_kept = None
        if tracker is not None:
            asked: dict[str, Scalar] = {"metric": rule.metric, "margin": margin, "alpha": alpha}
            shared = (pair[0].facts.get("parameters", {}), pair[1].facts.get("parameters", {}))
            what = _told(pair)[0]
            runs_kept = ComparisonRuns(tracker, progress, what, asked, shared)
        each = runs_kept.add if runs_kept is not None else None
        work = Comparing(pair, rule, seed, engine, budget, progress, each)
        trained = work.run()
        differences = between_revisions(pair, runs)
    found = _answer(pair, rule, work, trained, time.monotonic() - began)
    found = replace(found, differences=differences)
    if runs_kept is not None:
        runs_kept.end(found)
    return found


def _spread(
    executor: str | Executor | None,
    workers: int | None,
    ship: Sequence[str | Path],
    ways: tuple[Way, Way],
    engine: str,
) -> Spread | None:
    if executor is None:
        return None
    if any(callable(way.script) for way in ways) or engine not in ("auto", "process"):
        raise WhydiffError(
            "an executor of a comparison runs whole scripts",
            "Name scripts, and leave --engine away or say process.",
        )
    if any(way.interpreter is not None for way in ways):
        raise WhydiffError(
            "workers of an executor train in the environment that they have",
            "Leave --executor away, or give the workers these packages.",
        )
    return Spread(workers_of(executor, workers), tuple(map(Path, ship)))


def _way(
    script: Any, side: SideOptions, settings: Mapping[str, Any] | None, checkouts: Checkouts
) -> Way:
    """A function, or a script as its revision has it, run by the Python that its side asks for."""
    made = Way(script, side.arguments, side.env, dict(settings or {}))
    if callable(script):
        if side.rev:
            raise WhydiffError(f"a function has no revision {side.rev}", "Name a script.")
        if side.python or side.packages or side.as_of:
            raise WhydiffError("a function runs in this Python only", "Name a script.")
        return made
    path, name, folder = Path(script), "", None
    if not side.rev:
        target = target_of(script)
        made, path = replace(made, target=target), target.script
    else:
        checkout = checkouts.of(side.rev, path.absolute().parent)
        path, name = checkout.script(path), f"{path} at {checkout.revision}"
        folder = checkout.working_folder()
    return replace(made, script=path, name=name, interpreter=interpreter_of(side, path, folder))


@dataclass(frozen=True)
class _Decided:
    """By what it is decided which is better, as asked for."""

    metric: str | None
    mode: str | None
    margin: float
    alpha: float
    max_pairs: int
    assume: str

    def check(self) -> None:
        """Raise WhydiffError for what can be no way to decide, before anything is run."""
        if not (math.isfinite(self.margin) and self.margin >= 0):
            raise WhydiffError(
                f"a margin of {self.margin} is no difference",
                "Give the difference of the metric that does not matter, as in --margin 0.005.",
            )
        if not 0 < self.alpha < 1:
            raise WhydiffError(
                f"alpha must be between 0 and 1, got {self.alpha}",
                "Give a probability such as 0.05.",
            )
        if self.assume not in (AUTO, *ASSUMPTIONS):
            raise WhydiffError(
                f"there is no assumption {self.assume!r}",
                f"Assumptions: {', '.join((AUTO, *ASSUMPTIONS))}.",
            )
        if self.max_pairs < 1:
            raise WhydiffError(
                f"{self.max_pairs} pairs cannot be trained", "Give --max-pairs 1 or more."
            )
        if self.mode not in (None, "max", "min"):
            raise WhydiffError(
                f"there is no mode {self.mode!r}", "max: larger is better; min: smaller is."
            )

    def rule(self, pair: tuple[Contestant, Contestant]) -> Rule:
        """The rule, once it is known what both log."""
        a, b = pair
        common = [name for name in a.logged if name in b.logged]
        if not common:
            told = ", ".join(a.logged) or "nothing", ", ".join(b.logged) or "nothing"
            raise WhydiffError(
                "A and B log no metric of the same name",
                f"A logs {told[0]}; B logs {told[1]}. Give one metric the same name in both.",
            )
        # A script run as a whole may print numbers that are no metrics at all.
        clear = [name for name in common if larger_is_better(name) is not None]
        whole = common if self.metric or self.mode else clear or common
        name = default_metric(whole, self.metric)
        larger = larger_is_better(name) if self.mode is None else self.mode == "max"
        if larger is None:
            raise WhydiffError(
                f"the name {name} does not say whether more of it is better",
                "Give --mode max or --mode min, or decide by another --metric: "
                + ", ".join(common),
            )
        rule = Rule(name, larger, self.margin, self.alpha, self.max_pairs, self.assume)
        rule.test([])  # refuses bounds that are not known before anything is trained
        return rule


def _answer(
    pair: tuple[Contestant, Contestant],
    rule: Rule,
    work: Comparing,
    trained: TrainedHybrid,
    seconds: float,
) -> Comparison:
    a, b = pair
    pairs = trained.pairs
    found, typical = rule.look(pairs), rule.typical(pairs)
    told = _told(pair)
    sides = [
        numbers.side(told[k], [results[k] for results in pairs], rule, pair[k].kept, pair[k].engine)
        for k in (0, 1)
    ]
    same = a.bench is b.bench and a.bench is not None
    comparable = same or numbers.same_probe(a.fit, b.fit)
    notes = list(dict.fromkeys([*work.notes, *a.trainer.notes, *b.trainer.notes]))
    if trained.surplus:
        notes.append(
            f"{len(trained.surplus)} more pairs were trained along with the last one; they came "
            "after the verdict and are left out."
        )
    if not comparable:
        notes.append(
            "Predictions are not compared: A and B are not known to predict the same data."
        )
    others = [name for name in a.logged if name in b.logged and name != rule.metric]
    return Comparison(
        question=f"Is {told[1]} (B) better than {told[0]} (A)?",
        a=sides[0],
        b=sides[1],
        metric=rule.metric,
        larger_is_better=rule.larger_is_better,
        verdict=found.verdict,
        effect=numbers.turned(found.effect, rule),
        margin=rule.margin,
        alpha=rule.alpha,
        probability=numbers.probability(pairs, rule),
        churn=numbers.churn(pairs, (a.facts, b.facts), rule.alpha) if comparable else None,
        others=numbers.secondary(pairs, others, rule.alpha),
        pairs=tuple(numbers.pair_rows(pairs, {n: work.seeds(n) for n in range(len(pairs))}, rule)),
        max_pairs=rule.most,
        more=rule.more(pairs),
        fewest=fewest_pairs(rule.alpha),
        stopped=trained.stopped,
        e=found.e,
        symmetric_e=found.symmetric_e,
        gates=tuple(work.gates),
        warnings=tuple(numbers.warnings(a.watched, b.watched, rule))
        if a.watched and b.watched
        else (),
        notes=tuple(notes),
        seconds=seconds,
        looks=numbers.looks(pairs, rule),
        assumption=found.assumption,
        typical=typical.verdict if typical else "",
        typical_effect=numbers.turned(typical.effect, rule) if typical else None,
        tailed=found.refused,
        unseen=found.unseen,
        failures=numbers.failures(pairs, rule),
        more_for_any_shape=rule.more_for_any_shape(pairs),
    )


def _told(pair: tuple[Contestant, Contestant]) -> tuple[str, str]:
    """Both in words that tell them apart."""
    a, b = (contestant.way.told() for contestant in pair)
    fits = [contestant.fit.index if contestant.fit else 0 for contestant in pair]
    if a == b and fits[0] != fits[1]:
        return f"fit {fits[0]} of {a}", f"fit {fits[1]} of {b}"
    return (f"{a} as written", b) if b.startswith(f"{a} with ") else (a, b)


__all__ = ["EXPECTATIONS", "MAX_PAIRS", "compare"]
