"""Which two trainings are compared, and saying so."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from whydiff.core.calls import PUT_WEIGHTS
from whydiff.core.chains import Pick, numbers
from whydiff.core.errors import WhydiffError
from whydiff.core.machine import unwatched_workers
from whydiff.core.metrics import (
    default_metric,
    larger_is_better,
    numbered_like,
    renamed_logs,
)
from whydiff.core.programs import programs_of, unwatched_programs
from whydiff.core.question import FitName
from whydiff.core.recipe import align, compiled_metrics
from whydiff.core.recording import FAILED_FITS, PROCESSES, PROGRAMS, Execution, Fit
from whydiff.core.words import listed
from whydiff.diagnosis.divergence import identical
from whydiff.diagnosis.files import resumed_from

#: The fits of A and of B, or successive ones held as one.
Picks = tuple[Pick, Pick]


def pair_of_fits(execution: Execution, wanted: Picks | None) -> Picks | None:
    """Indices of the two fits of one run to compare; None where there are no two.

    ``wanted`` if given, else the first two independent fits of models of the same shape (equal
    weights, or else equal inputs and outputs) that end differently; where none do, the first two
    that differ on the way, or the first two of them.
    Where trainings have several fits each, the first is compared with the first, the second with
    the second: pretraining with pretraining, fine-tuning with fine-tuning, also where several
    fine-tunings start from one pretraining. Where one trains as many epochs in several fits as the
    other in one, the whole trainings are held against each other.
    """
    if wanted is not None:
        for pick in wanted:
            check_fit(execution, pick)
        return wanted
    trainings = trainings_of(execution.fits)
    places = _places(execution.fits)
    pairs = [
        (one, other)
        for same in (_same_weights, _same_ends)
        for one, other in _pairs(execution.fits)
        if trainings[one.index] != trainings[other.index]
        and places[one.index] == places[other.index]
        and not _fine_tunes(execution, one, other)
        and same(one, other)
    ]
    differing = [(one, b) for one, b in pairs if not identical(one, with_names_of(one, b)[0])]
    ends = ((one, b) for one, b in differing if not _ends_alike(one, with_names_of(one, b)[0]))
    chosen = next(ends, None)
    chosen = chosen or next(iter([*differing, *pairs]), None)
    return None if chosen is None else _in_whole(execution, *chosen)


def _in_whole(execution: Execution, one: Fit, other: Fit) -> Picks:
    """Two fits; or trainings that they are part of, where one goes as many epochs in one fit as
    the other in several: six epochs at once against three, saved and loaded, and again three."""
    chains = _chains(execution)
    own = [next(chain for chain in chains if fit in chain) for fit in (one, other)]
    # Two parts of one training that was resumed: held against one that went on, wherever it is.
    candidates = [own] if own[0] is not own[1] else [[own[0], chain] for chain in chains]
    for pair in candidates:
        if _whole_against_parts(pair):
            first, second = sorted(tuple(fit.index for fit in chain) for chain in pair)
            return _pick(first), _pick(second)
    return one.index, other.index


def _pick(numbers: tuple[int, ...]) -> Pick:
    return numbers if len(numbers) > 1 else numbers[0]


def _whole_against_parts(chains: Sequence[Sequence[Fit]]) -> bool:
    """Whether of two trainings one is a single fit, and the other goes as many epochs in several
    that are alike."""
    lengths = [sum(len(fit.epochs) for fit in chain) for chain in chains]
    counts = sorted(map(len, chains))
    return (
        counts[0] == 1 < counts[1]
        and lengths[0] == lengths[1]
        and _same_weights(chains[0][0], chains[1][0])
        and not _other_data(chains[0][0], chains[1][0])
        and all(
            not _other_stage(chain[0], fit) and not _other_data(chain[0], fit) and fit.finished
            for chain in chains
            for fit in chain
        )
    )


def _chains(execution: Execution) -> list[list[Fit]]:
    """The fits of each training; one that loads what the fit before it saved goes on with it, in
    whatever model."""
    fits = execution.fits
    trainings = trainings_of(fits)
    chains: list[list[Fit]] = []
    ended: dict[int, list[Fit]] = {}  # the chain that a fit is the last of
    for fit, earlier in zip(fits, _started_from(fits), strict=True):
        before = ended.get(earlier) if earlier is not None else None
        if before is not None and (
            (fit.models, trainings[fit.index]) == (before[-1].models, trainings[before[-1].index])
            or _resumes(execution, before[-1], fit)
        ):
            del ended[before[-1].index]
            before.append(fit)
            ended[fit.index] = before
        else:
            chains.append([fit])
            ended[fit.index] = chains[-1]
    return chains


def _resumes(execution: Execution, earlier: Fit, fit: Fit) -> bool:
    """Whether a fit starts with the weights that an earlier one left, and loaded them."""
    event = resumed_from(execution, fit)
    trained = [t for t in fit.recipe.initialization if t.role == "trainable"]
    return (
        event is not None
        and event.after_call >= earlier.call
        and all(t.trained_by == earlier.index for t in trained)
    )


def successive_fits(execution: Execution) -> tuple[int, int] | None:
    """The first two fits of which the second goes on where the first stopped.

    Stages of one training (pretraining, then fine-tuning) were never meant to agree: None of them.
    """
    trainings = trainings_of(execution.fits)
    for one, other in _pairs(execution.fits):
        if trainings[one.index] == trainings[other.index] and not _other_stage(one, other):
            return one.index, other.index
    return None


def fits_alike(execution: Execution, a: Fit, b: Fit) -> list[int]:
    """The fits that stand to A as B does, by number: folds, members, or fits that go on.

    Independent trainings of models of its shape, at the same place of their training; or, where B
    goes on with A's model, all later fits of it. [] for successive fits held as one.
    """
    if a.parts or b.parts:
        return []
    trainings = trainings_of(execution.fits)
    places = _places(execution.fits)
    same = _same_weights if _same_weights(a, b) else _same_ends
    goes_on = trainings[a.index] == trainings[b.index]
    return [
        fit.index
        for fit in execution.fits
        if fit.index != a.index
        and fit.finished
        and same(a, fit)
        and (trainings[fit.index] == trainings[a.index]) == goes_on
        and (
            places[fit.index] > places[a.index] if goes_on else places[fit.index] == places[a.index]
        )
    ]


def _other_stage(one: Fit, other: Fit) -> bool:
    """Whether layers were frozen or thawed or got weights in between, or other data and another
    optimizer taken."""
    flags = [
        {k: v for k, v in fit.recipe.architecture.items() if k.startswith("trainable:")}
        for fit in (one, other)
    ]
    settings = [
        {k: v for k, v in fit.recipe.optimizer.items() if k != "callbacks"} for fit in (one, other)
    ]
    paths = [{t.path for t in fit.recipe.initialization} for fit in (one, other)]
    flags_differ = flags[0] != flags[1] or paths[0] != paths[1]
    rows = _samples(one), _samples(other)
    return flags_differ or (rows[0] != rows[1] and settings[0] != settings[1])


def _samples(fit: Fit) -> set[bytes]:
    return {row.tobytes() for row in fit.recipe.data_content.samples}


def _other_data(one: Fit, other: Fit) -> bool:
    """Whether two fits were fed no sample in common."""
    rows = _samples(one), _samples(other)
    return bool(rows[0] and rows[1]) and not rows[0] & rows[1]


def _fine_tunes(execution: Execution, one: Fit, other: Fit) -> bool:
    """Whether a later fit goes on, in whatever model, from what the earlier one learned from other
    samples, or goes on otherwise with weights that the script put there: that is no second try.
    Folds that share layers have samples in common."""
    fits = execution.fits
    starts = dict(zip((fit.index for fit in fits), _started_from(fits), strict=True))
    earlier = starts[other.index]
    while earlier is not None and earlier != one.index:
        earlier = starts.get(earlier)
    if earlier != one.index:
        return False
    settings = [fit.recipe.optimizer.get("learning_rate") for fit in (one, other)]
    copied = settings[0] != settings[1] and any(
        event.kind in PUT_WEIGHTS and event.model_number in other.models
        for event in execution.events
        if one.call <= event.after_call < other.call
    )
    return copied or _other_data(one, other)


def trainings_of(fits: Sequence[Fit]) -> dict[int, int]:
    """For each fit the first fit of the training that it belongs to, by index.

    Successive fits of one model (an epoch at a time, pretraining then fine-tuning, saved and
    resumed) are one training: the weights that can be trained are those that the earlier fit
    left, in a model of the same name. Layers that another model shares make no such chain; weights
    that one and the same model got in between, as ``enable_lora`` adds them, do not end it. A fit
    that starts from where another went on already begins a training of its own.
    """
    first: dict[int, int] = {}
    known = {fit.index: fit for fit in fits}
    continued: set[int] = set()
    for fit, earlier in zip(fits, _started_from(fits), strict=True):
        before = known[earlier] if earlier in first else None
        trained = [t for t in fit.recipe.initialization if t.role == "trainable"]
        fresh = {t.path for t in trained if t.trained_by is None}
        goes_on = before is not None and before.model == fit.model and not fresh
        if before is not None and fresh and before.models == fit.models != ():
            goes_on = fresh.isdisjoint(t.path for t in before.recipe.initialization)
        if before is not None and goes_on and before.index not in continued:
            first[fit.index] = first[before.index]
            continued.add(before.index)
        else:
            first[fit.index] = fit.index
    return first


def _started_from(fits: Sequence[Fit]) -> list[int | None]:
    """For each fit the one earlier fit that left trained weights it starts from; None without.

    Those that it trains on count; where it trains none of them, those that it keeps frozen.
    """
    trained, frozen = (
        [
            {t.trained_by for t in fit.recipe.initialization if (t.role == "trainable") == trains}
            - {None}
            for fit in fits
        ]
        for trains in (True, False)
    )
    left = [one or other for one, other in zip(trained, frozen, strict=True)]
    return [found.pop() if len(found) == 1 else None for found in left]


def _places(fits: Sequence[Fit]) -> dict[int, int]:
    """For each fit how many fits of its training came before it.

    Fits that start alike from what one earlier fit left stand one place behind that.
    """
    starts = _started_from(fits)
    trainings = trainings_of(fits)
    places: dict[int, int] = {}
    lengths: Counter[int] = Counter()
    for fit, earlier in zip(fits, starts, strict=True):
        training = trainings[fit.index]
        branches = earlier in places and starts.count(earlier) > 1
        place = places[earlier] + 1 if branches and earlier is not None else lengths[training]
        places[fit.index] = place
        lengths[training] = place + 1
    return places


def _pairs(fits: Sequence[Fit]) -> Iterator[tuple[Fit, Fit]]:
    """Every two fits, those that come early first."""
    for j in range(1, len(fits)):
        for i in range(j):
            yield fits[i], fits[j]


def with_names_of(a: Fit, b: Fit) -> tuple[Fit, dict[str, str]]:
    """B with the names that A has for metrics that Keras numbered by itself, and B's own names ->
    A's. Where B logs a metric of such a name besides, it stays as it is."""
    compiled = [compiled_metrics(fit.recipe) for fit in (a, b)]
    names = numbered_like(*compiled)
    logs = [renamed_logs(epoch.logs, names) for epoch in b.epochs]
    if not names or any(len(new) < len(e.logs) for new, e in zip(logs, b.epochs, strict=True)):
        return b, {}
    epochs = (replace(e, logs=new) for e, new in zip(b.epochs, logs, strict=True))
    measurement = {
        key: _with_names(value, names) if key in ("metrics", "weighted_metrics") else value
        for key, value in b.recipe.measurement.items()
    }
    recipe = replace(b.recipe, measurement=measurement)
    return replace(b, epochs=tuple(epochs), recipe=recipe), names


def _with_names(metrics: Any, names: Mapping[str, str]) -> Any:
    if isinstance(metrics, Mapping) and "class" in metrics:
        own = str(metrics.get("name"))
        return {**metrics, "name": names[own]} if own in names else metrics
    if isinstance(metrics, Mapping):
        return {key: _with_names(part, names) for key, part in metrics.items()}
    return (
        [_with_names(m, names) for m in metrics] if isinstance(metrics, list | tuple) else metrics
    )


def _ends_alike(a: Fit, b: Fit) -> bool:
    """Whether two fits end in the same weights and logs, whatever differs between them."""
    finals = [[t.digest for t in fit.final] for fit in (a, b)]
    logs = [[epoch.logs for epoch in fit.epochs] for fit in (a, b)]
    return finals[0] == finals[1] and repr(logs[0]) == repr(logs[1])


def _same_weights(a: Fit, b: Fit) -> bool:
    shapes = [[t.shape for t in fit.recipe.initialization] for fit in (a, b)]
    return shapes[0] == shapes[1]


def _same_ends(a: Fit, b: Fit) -> bool:
    ends = [
        (fit.recipe.architecture.get("inputs"), fit.recipe.architecture.get("outputs"))
        for fit in (a, b)
    ]
    return bool(ends[0][0]) and ends[0] == ends[1]


def check_fit(execution: Execution, pick: Pick) -> None:
    """Raise WhydiffError if there is no such fit."""
    count = len(execution.fits)
    for index in numbers(pick):
        if not 1 <= index <= count:
            raise WhydiffError(
                f"--fits names fit {index}, but {execution.script} has {count} "
                f"{'fit' if count == 1 else 'fits'}",
                f"Fits count from 1 to {count} in the order in which they ran.",
            )


def numbered(
    a: Execution, b: Execution, wanted: tuple[FitName, FitName] | None, metric: str | None
) -> Picks | None:
    """The numbers of two fits that a person named, one of each run; None where they named none.

    WhydiffError where there is no such fit.
    """
    if wanted is None:
        return None
    one, other = (
        _named(execution, name, metric) if isinstance(name, str) else name
        for execution, name in ((a, wanted[0]), (b, wanted[1]))
    )
    if a is b and one == other and any(isinstance(name, str) for name in wanted):
        raise WhydiffError(
            f"--fits {wanted[0]},{wanted[1]} names fit {one} twice",
            "`whydiff calls` lists the fits of a script with their numbers.",
        )
    return one, other


def _named(execution: Execution, name: str, metric: str | None) -> int:
    """The best or worst fit by its final metric, or the first of a model of that name."""
    if name in ("best", "worst"):
        column, values = final_values(execution, metric)
        larger = larger_is_better(column)
        if larger is None or not values:
            raise WhydiffError(
                f"of {column} nobody knows whether more is better, so no fit is the {name}",
                "Name a metric with --metric, or the fits by their numbers.",
            )
        top = larger == (name == "best")
        return (max if top else min)(values, key=lambda index: values[index])
    models = {fit.index: fit.model for fit in execution.fits}
    for index, model in models.items():
        if name in (model, model.partition(" ")[0], model.partition("'")[2].rstrip("'")):
            return index
    raise WhydiffError(
        f"--fits names {name}, but {execution.script} trains no model of that name",
        f"It trains {listed(list(dict.fromkeys(models.values())))}." if models else "",
    )


def final_values(execution: Execution, metric: str | None) -> tuple[str, dict[int, float]]:
    """The metric to tell fits in, and what each logged of it in its last epoch, by fit."""
    logs = {fit.index: fit.epochs[-1].logs for fit in execution.fits if fit.epochs}
    common = [n for n in next(iter(logs.values()), {}) if all(n in log for log in logs.values())]
    compiled = compiled_metrics(execution.fits[0].recipe) if execution.fits else []
    column = default_metric(common, metric, compiled)
    finite = {i: float(log[column]) for i, log in logs.items() if column in log}
    return column, {i: value for i, value in finite.items() if math.isfinite(value)}


def fits_listed(
    execution: Execution, metric: str | None, compared: tuple[Fit, Fit]
) -> list[dict[str, Any]]:
    """A row for every fit: number, line, model, final metric; ``side`` marks those compared."""
    column, values = final_values(execution, metric)
    named = zip(reversed(compared), "BA", strict=True)
    sides = {index: side for fit, side in named for index in numbers(fit.pick)}
    return [
        {
            "side": sides.get(fit.index, ""),
            "fit": fit.index,
            "line": fit.stack[-1].line if fit.stack else None,
            "model": fit.model,
            "metric": column,
            "value": values.get(fit.index),
        }
        for fit in execution.fits
    ]


def fit_between_runs(a: Execution, b: Execution, wanted: Picks | None) -> Picks:
    """Which fits of two runs to compare: the first that differ, counted from the first.

    Two scripts may train another number of times (one warms up, one does not); then their last
    fits, what each of them ends in, are compared; or all of them, where one goes as many epochs in
    one fit as the other in several.
    """
    if wanted is not None:
        check_fit(a, wanted[0])
        check_fit(b, wanted[1])
        return wanted
    both = [_chains(execution) for execution in (a, b)]
    if a.script != b.script and len(both[0]) == len(both[1]) == 1:
        whole = [both[0][0], both[1][0]]
        if _whole_against_parts(whole):
            one_pick, other_pick = (_pick(tuple(fit.index for fit in c)) for c in whole)
            return one_pick, other_pick
    if len(a.fits) != len(b.fits) and a.script != b.script:
        return len(a.fits), len(b.fits)
    count = min(len(a.fits), len(b.fits))
    for one, other in zip(a.fits, b.fits, strict=False):
        if not identical(one, other):
            return one.index, other.index
    return count, count


def check_comparable(a: Fit, b: Fit) -> None:
    """Raise WhydiffError if two fits share neither the kind of their data nor a single weight."""
    fed = [fit.recipe.data_content.signature for fit in (a, b)]
    if fed[0] == fed[1] or align(a.recipe.initialization, b.recipe.initialization):
        return
    said = " and ".join(
        f"{fit.model} is fed {'; '.join(leaves) or 'nothing'}"
        for fit, leaves in zip((a, b), fed, strict=True)
    )
    raise WhydiffError(
        f"the two trainings have nothing in common: {said}, and no two weights have equal shapes",
        "explain compares two trainings of much the same model. --fits I,J picks other fits; "
        "`whydiff diff` compares any two recordings.",
    )


#: Kinds of data that processes may load (``Fit.notes["data"]``).
_LOADED_BY_WORKERS = ("torch DataLoader", "PyDataset")


def worker_processes(execution: Execution) -> int:
    """How many processes of its own the script started that may do more than load data."""
    started = execution.environment.get(PROCESSES, 0)
    loads = any(fit.notes.get("data") in _LOADED_BY_WORKERS for fit in execution.fits)
    return 0 if loads or not isinstance(started, int) else started


def in_workers(execution: Execution) -> str:
    """A sentence where the script started processes of its own, in which nothing is watched.

    "" where they are known to load data only.
    """
    workers = unwatched_workers(worker_processes(execution))
    programs = unwatched_programs(programs_of(execution.environment.get(PROGRAMS)))
    return " ".join(filter(None, (workers, programs)))


def failed_fits(execution: Execution) -> str:
    """A sentence on fits that failed before one step was over, of which nothing is recorded; ""
    where there was none."""
    places = execution.environment.get(FAILED_FITS) or []
    if not places:
        return ""
    called = f"fit at {places[0]}" if len(places) == 1 else f"fits at {listed(places)}"
    return f"the {called} failed before the first step"


def check_watched(execution: Execution, arguments: Sequence[str], way_out: str = "") -> None:
    """Raise WhydiffError if not one use of a model was observed.

    ``way_out`` comes before what is said of a script of which nothing more is known.
    """
    if execution.fits or execution.calls:
        return
    command = " ".join([execution.script, *arguments])
    raise WhydiffError(
        f"{command} used no Keras model that was observed: no model was built, trained, "
        "evaluated or called",
        in_workers(execution)
        or way_out
        or "whydiff watches Keras 3 models. A loop of the script's own is watched with `with "
        "whydiff.watch(model, optimizer=optimizer) as loop:` and `loop.step(train_step, x, y)` in "
        "place of `train_step(x, y)`.",
    )


def check_trained(execution: Execution, arguments: Sequence[str], way_out: str = "") -> None:
    """Raise WhydiffError if no training was seen; ``way_out`` as of :func:`check_watched`."""
    if not execution.fits:
        command = " ".join([execution.script, *arguments])
        raise WhydiffError(
            f"no training was observed in {command}: "
            + (
                failed_fits(execution)
                or "not one step of a fit, of train_on_batch or of a watched loop"
            ),
            in_workers(execution)
            or way_out
            or "whydiff watches `fit` and `train_on_batch` of Keras 3 models by itself. A loop of "
            "the script's own is watched with `with whydiff.watch(model, optimizer=optimizer) as "
            "loop:` and `loop.step(train_step, x, y)` in place of `train_step(x, y)`.",
        )
