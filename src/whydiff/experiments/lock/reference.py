"""A recorded fit reduced to what a lock keeps of it, and a lock as one side of a comparison."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from whydiff.core.digests import ALGORITHM, ordered_digest, unordered_digest
from whydiff.core.files import FILE
from whydiff.core.hybrids import TrainedHybrid
from whydiff.core.lock import Fed, Lock, LockedEpoch, LockedFit
from whydiff.core.recipe import Batching, Content, Order, Recipe, Tensor
from whydiff.core.recording import (
    STEP_GROUPS,
    UNKEPT_SEEDINGS,
    Draw,
    Epoch,
    Execution,
    Fit,
    Frame,
)
from whydiff.experiments.lock.calls import reduced_calls
from whydiff.stats.sketch import sketch
from whydiff.storage.rows import FACT_FIELDS, TENSOR_FIELDS

#: Steps kept one by one; later ones are digested together, epoch by epoch.
FIRST_STEPS = 128
#: Samples of the probe whose predicted class is kept.
CLASSES = 50
#: Facts about the surroundings that say nothing about a training.
_PRIVATE = ("executable", "digest.algorithm", "script digest", "git revision",
            "uncommitted changes")  # fmt: skip


def reduced_lock(
    execution: Execution, script: Path, outcomes: Mapping[int, Any], fits: Sequence[Fit]
) -> Lock:
    """``outcomes`` maps a fit to its final weights and predictions (``trials.TrainedHybrid``)."""
    folder = script.absolute().parent
    return Lock(
        script=script.name,
        arguments=execution.arguments,
        environment={
            k: v
            for k, v in execution.environment.items()
            if k not in _PRIVATE and not k.startswith(FILE)
        },
        algorithm=ALGORITHM,
        ledger=tuple(_draw(d, folder) for d in execution.ledger if d.fit is not None),
        fits=tuple(reduced_fit(fit, outcomes.get(fit.index)) for fit in fits),
        calls=reduced_calls(execution.calls),
    )


def reduced_fit(fit: Fit, outcome: TrainedHybrid | None) -> LockedFit:
    """One fit as a lock keeps it; without an outcome there is nothing to judge rounding by."""
    recipe = fit.recipe
    told = None if outcome is None else outcome.predictions
    predictions = [] if told is None else told
    rows = fit.steps[:FIRST_STEPS].astype(np.uint64) >> np.uint64(32)
    return LockedFit(
        index=fit.index,
        model=fit.model,
        line=fit.stack[-1].line if fit.stack else None,
        facts={name: dict(getattr(recipe, name)) for name in FACT_FIELDS},
        tensors={n: getattr(recipe, n) for n in TENSOR_FIELDS} | {"final": fit.final},
        fed=reduced_feed(recipe),
        epochs=tuple(_epoch(fit, epoch) for epoch in fit.epochs),
        steps=tuple(tuple(int(d) for d in row) for row in rows),
        step_epochs=tuple(int(e) for e in fit.step_epochs[:FIRST_STEPS]),
        weights=sketch(outcome.weights.values()) if outcome is not None else None,
        predictions=sketch(predictions) if told is not None else None,
        classes=_classes(predictions),
        probe=len(predictions[0]) if predictions else 0,
    )


def reduced_feed(recipe: Recipe) -> Fed:
    """Digests of order, content and batches."""
    content, order, batches = recipe.data_content, recipe.data_order, recipe.batch_size
    return Fed(
        samples=len(content.samples),
        unit=content.unit,
        signature=tuple(content.signature),
        content=unordered_digest(content.samples),
        canonical=ordered_digest(content.samples),
        weights="" if content.weights is None else ordered_digest(content.weights),
        validation=content.validation,
        relative=order.relative,
        order=tuple(_series(epoch) for epoch in order.epochs),
        batches=tuple(_sizes(epoch) for epoch in batches.epochs),
        asked=dict(batches.facts),
    )


def as_execution(lock: Lock, like: Sequence[LockedFit], recipes: Sequence[Recipe]) -> Execution:
    """The lock as an execution; ``recipes`` lends the data that equal digests vouch for.

    ``like`` are the fits of the execution that ``recipes`` belong to, reduced in the same way.
    """
    fits = tuple(
        as_fit(fit, other, recipe)
        for fit, other, recipe in zip(lock.fits, like, recipes, strict=False)
    )
    return Execution(
        script=lock.script,
        arguments=lock.arguments,
        started="",
        exit_code=0,
        environment={**lock.environment, "digest.algorithm": lock.algorithm},
        fits=fits,
        ledger=lock.ledger,
    )


def as_fit(locked: LockedFit, other: LockedFit, recipe: Recipe) -> Fit:
    """A locked fit for the comparison with ``other``, whose recipe is ``recipe``."""
    fed, new = locked.fed, other.fed
    same_samples = (fed.canonical, fed.unit, fed.signature) == (
        new.canonical, new.unit, new.signature,
    )  # fmt: skip
    weights = recipe.data_content.weights if fed.weights == new.weights else None
    samples = recipe.data_content.samples if same_samples else np.zeros((0, 2), np.uint64)
    fields: dict[str, Any] = {
        **locked.facts,
        **{name: locked.tensors[name] for name in TENSOR_FIELDS},
        "data_content": Content(samples, fed.unit, fed.signature, weights, fed.validation),
        "data_order": recipe.data_order
        if (fed.order, fed.relative) == (new.order, new.relative)
        else Order((), fed.relative),
        "batch_size": Batching(
            recipe.batch_size.epochs if fed.batches == new.batches else (), dict(fed.asked)
        ),
    }
    return Fit(
        index=locked.index,
        model=locked.model,
        stack=(),
        recipe=Recipe(**fields),
        steps=np.array(locked.steps, np.uint64).reshape(-1, len(STEP_GROUPS)),
        step_epochs=np.array(locked.step_epochs, np.int64),
        epochs=tuple(Epoch(e.index, e.steps, e.logs, _end(e)) for e in locked.epochs),
        final=locked.tensors["final"],
        finished=True,
        seconds=0.0,
        notes={UNKEPT_SEEDINGS: True},
    )


def shortened(fit: Fit, reduced: LockedFit) -> Fit:
    """A recorded fit with its steps and epochs as a lock keeps them; its recipe stays whole."""
    twin = as_fit(reduced, reduced, fit.recipe)
    return replace(fit, steps=twin.steps, step_epochs=twin.step_epochs, epochs=twin.epochs)


def _end(epoch: LockedEpoch) -> tuple[Tensor, ...]:
    return (Tensor("the weights", "trainable", (), "", epoch.end),)


def _epoch(fit: Fit, epoch: Epoch) -> LockedEpoch:
    rows = fit.steps[fit.step_epochs == epoch.index]
    groups = tuple(_digest([rows[:, i].astype("<u8").tobytes()]) for i in range(rows.shape[1]))
    end = _digest(f"{t.path} {t.digest}".encode() for t in epoch.tensors)
    return LockedEpoch(epoch.index, epoch.steps, dict(epoch.logs), groups, end)


def _digest(parts: Iterable[bytes]) -> str:
    state = xxhash.xxh3_64()
    for part in parts:
        state.update(part)
    return str(state.hexdigest())


def _series(indices: np.ndarray) -> str:
    return _digest([np.asarray(indices).astype("<i8").tobytes()])


def _sizes(sizes: np.ndarray) -> str:
    """``28 x 64, 5``: batch sizes in a row, equal ones counted."""
    runs = [(size, len(list(run))) for size, run in groupby(np.asarray(sizes).tolist())]
    return ", ".join(f"{n} x {size}" if n > 1 else str(size) for size, n in runs)


def _classes(predictions: Sequence[np.ndarray]) -> tuple[int, ...]:
    """Predicted classes of the first samples where there is one output that looks like classes."""
    if len(predictions) != 1 or predictions[0].ndim != 2:
        return ()
    first = predictions[0][:CLASSES]
    classes = first.argmax(axis=1) if first.shape[1] > 1 else (first[:, 0] > 0.5).astype(int)
    return tuple(int(c) for c in classes)


def _draw(draw: Draw, folder: Path) -> Draw:
    """The line that made the object, its file named as seen from the script."""
    stack = draw.stack[-1:]
    if stack:
        path = Path(stack[0].file)
        inside = path.is_absolute() and path.is_relative_to(folder)
        name = os.fspath(path.relative_to(folder)) if inside else path.name
        stack = (Frame(name, stack[0].line, stack[0].function, stack[0].text[:60]),)
    return replace(draw, stack=stack)
