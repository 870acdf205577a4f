"""Successive fits of one model held as one: recipe, orders, steps and epochs concatenated."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.recipe import (
    COUNTED_ANEW,
    STARTED_ANEW,
    Batching,
    Content,
    Facts,
    Order,
    Recipe,
    Tensor,
)
from whydiff.core.recording import RATES, SEEDS_ANEW, STEP_RATES, Execution, Fit

#: A fit by its number, counting from 1, or successive fits that are held as one.
Pick = int | tuple[int, ...]


def picked(execution: Execution, pick: Pick) -> Fit:
    """The fit of that number, or successive ones as one; they must be there.

    WhydiffError where they are not successive fits of one model.
    """
    if isinstance(pick, int):
        return execution.fits[pick - 1]
    return joined([execution.fits[index - 1] for index in pick])


def numbers(pick: Pick) -> tuple[int, ...]:
    """The numbers of all fits of a pick."""
    return (pick,) if isinstance(pick, int) else pick


def joined(fits: Sequence[Fit]) -> Fit:
    """One fit that does what ``fits`` did, each of which goes on where the one before stopped.

    Its epochs count on from those of the first. A setting that differs between them is a list of
    its values. A model of another name goes on, too, where it holds the very same weights, as one
    that loaded them. WhydiffError where a fit starts from other weights than the one before left.
    """
    first, last = fits[0], fits[-1]
    for earlier, later in itertools.pairwise(fits):
        weights = [t for t in later.recipe.initialization if t.role == "trainable"]
        alike = later.model == earlier.model or _shapes(later) == _shapes(earlier)
        if not alike or not _goes_on(weights, earlier):
            raise WhydiffError(
                f"fit {later.index} does not go on from what fit {earlier.index} left, so the two "
                "are not one training",
                "Name successive fits of one model: --fits 1+2+3,4. `whydiff calls` lists them.",
            )
    starts = first_epochs(fits)
    return replace(
        first,
        recipe=_recipe(fits, starts),
        steps=np.concatenate([fit.steps for fit in fits]),
        step_epochs=np.concatenate(
            [
                np.asarray(f.step_epochs) + s - own_first(f)
                for f, s in zip(fits, starts, strict=True)
            ]
        ),
        epochs=tuple(
            replace(epoch, index=epoch.index - own_first(fit) + start)
            for fit, start in zip(fits, starts, strict=True)
            for epoch in fit.epochs
        ),
        final=last.final,
        finished=all(fit.finished for fit in fits),
        seconds=sum(fit.seconds for fit in fits),
        notes=_notes(fits, starts),
        parts=tuple(fit.index for fit in fits),
    )


def own_first(fit: Fit) -> int:
    """The number that a fit gives its first epoch."""
    return int(fit.recipe.duration.get("initial_epoch") or 0)


def first_epochs(fits: Sequence[Fit]) -> list[int]:
    """The number that the first epoch of each fit has where all count on from the first."""
    lengths = [len(fit.recipe.data_order.epochs) for fit in fits]
    return list(itertools.accumulate(lengths[:-1], initial=own_first(fits[0])))


def restarts(tensors: Sequence[Tensor]) -> tuple[int, ...]:
    """Positions of what goes on from where no earlier fit stopped."""
    return tuple(i for i, t in enumerate(tensors) if t.trained_by is None)


def fresh_seeds(recipe: Recipe) -> list[str]:
    """Seed generators of a model that begin where no earlier fit stopped, by their paths."""
    return [recipe.noise[i].path for i in restarts(recipe.noise) if recipe.noise[i].role == "seed"]


def _shapes(fit: Fit) -> list[tuple[str, tuple[int, ...]]]:
    return [(t.role, t.shape) for t in fit.recipe.initialization]


def _goes_on(weights: Sequence[Tensor], earlier: Fit) -> bool:
    left = {t.digest for t in earlier.final}
    return bool(weights) and all(t.digest in left for t in weights)


def _recipe(fits: Sequence[Fit], starts: Sequence[int]) -> Recipe:
    recipes = [fit.recipe for fit in fits]
    first = recipes[0]
    pool = pooled([r.data_content for r in recipes])
    orders = [
        rows[order]
        for r, rows in zip(recipes, pool.rows, strict=True)
        for order in r.data_order.epochs
    ]
    facts: dict[str, Any] = {
        f.name: _together([getattr(r, f.name) for r in recipes])
        for f in fields(Recipe)
        if isinstance(getattr(first, f.name), Mapping)
    }
    ran = sum(len(r.data_order.epochs) for r in recipes)
    facts["duration"] = {
        **facts["duration"],
        "initial_epoch": starts[0],
        "epochs": starts[0] + ran,
    }
    anew = [
        start + 1
        for start, recipe in zip(starts[1:], recipes[1:], strict=True)
        if any(recipe.state[i].role == "slot" for i in restarts(recipe.state))
    ]
    facts["optimizer"] = _together([r.optimizer for r in _rates_left(recipes)])
    again = [
        start + 1
        for start, fit in zip(starts[1:], fits[1:], strict=True)
        if fit.recipe.optimizer.get("callbacks") and own_first(fit) < start
    ]
    for name, epochs in ((STARTED_ANEW, anew), (COUNTED_ANEW, again)):
        if epochs:
            facts["optimizer"][name] = epochs
    batching = Batching(
        tuple(sizes for r in recipes for sizes in r.batch_size.epochs),
        _together([r.batch_size.facts for r in recipes]),
    )
    relative = any(r.data_order.relative for r in recipes)
    return replace(
        first,
        **facts,
        data_content=pool.content,
        data_order=Order(tuple(orders), relative),
        batch_size=batching,
    )


def _notes(fits: Sequence[Fit], starts: Sequence[int]) -> dict[str, Any]:
    """The notes of the first, with what is told by epochs counted on."""
    notes = dict(fits[0].notes)
    anew = [
        [start + 1, paths]
        for start, fit in zip(starts[1:], fits[1:], strict=True)
        if (paths := fresh_seeds(fit.recipe))
    ]
    if anew:
        notes[SEEDS_ANEW] = anew
    moved = [(fit, start - own_first(fit)) for fit, start in zip(fits, starts, strict=True)]
    if any(fit.rates for fit in fits):
        notes[RATES] = [
            [epoch + by, rates]
            for fit, by in moved
            for epoch, rates in (fit.rates or {own_first(fit): _constant(fit)}).items()
        ]
    if all(fit.step_rates for fit in fits):
        notes[STEP_RATES] = [
            [epoch + by, step, rates]
            for fit, by in moved
            for (epoch, step), rates in fit.step_rates.items()
        ]
    else:
        notes.pop(STEP_RATES, None)
    return notes


def _constant(fit: Fit) -> list[Any]:
    """The learning rates of a fit that changes none."""
    return [fit.recipe.optimizer.get("learning_rate")]


def _rates_left(recipes: Sequence[Recipe]) -> list[Recipe]:
    """Recipes whose learning rate is that of the first where an earlier fit left the one it has."""
    first = recipes[0].optimizer.get("learning_rate")
    found = []
    for recipe in recipes:
        rates = [t for t in recipe.state if t.role == "hyperparameter"]
        left = rates and all(t.trained_by is not None for t in rates) and recipe is not recipes[0]
        facts = {**recipe.optimizer, "learning_rate": first} if left else recipe.optimizer
        found.append(replace(recipe, optimizer=facts))
    return found


def _together(parts: Sequence[Facts]) -> dict[str, Any]:
    """Facts that all have alike as they are; of others a list with the value of each."""
    keys = dict.fromkeys(key for part in parts for key in part)
    found = {}
    for key in keys:
        values = [part.get(key) for part in parts]
        found[key] = values[0] if all(repr(v) == repr(values[0]) for v in values) else values
    return found


@dataclass(frozen=True, eq=False)
class Pool:
    """The samples of several fits, each once: ``content``, and where it has those of each fit.

    ``rows[i][j]`` is the index in the pool of sample j of fit i; ``kept[i]`` are the samples of
    fit i that the pool has from it, in their order.
    """

    content: Content
    rows: tuple[np.ndarray, ...]
    kept: tuple[np.ndarray, ...]


def pooled(contents: Sequence[Content]) -> Pool:
    """Put the samples of successive fits together; a sample with equal weight comes once."""
    first = contents[0]
    known: dict[bytes, list[int]] = {}
    rows, kept, size = [], [], 0
    for content in contents:
        free = {key: list(found) for key, found in known.items()}
        placed, new = np.empty(len(content.samples), np.int64), []
        for j, key in enumerate(_keys(content)):
            if free.get(key):
                placed[j] = free[key].pop(0)
            else:
                placed[j] = size
                known.setdefault(key, []).append(size)
                new.append(j)
                size += 1
        rows.append(placed)
        kept.append(np.array(new, np.int64))
    leaves: tuple[np.ndarray, ...] = first.leaves
    if all(len(leaf) == len(c.samples) for c in contents for leaf in c.leaves):
        leaves = tuple(
            np.concatenate([c.leaves[i][k] for c, k in zip(contents, kept, strict=True)])
            for i in range(len(first.leaves))
        )
    weighted = all(c.weights is not None for c in contents)
    return Pool(
        replace(
            first,
            samples=np.concatenate([c.samples[k] for c, k in zip(contents, kept, strict=True)]),
            leaves=leaves,
            weights=np.concatenate(
                [c.weights[k] for c, k in zip(contents, kept, strict=True) if c.weights is not None]
            )
            if weighted
            else None,
        ),
        tuple(rows),
        tuple(kept),
    )


def _keys(content: Content) -> list[bytes]:
    if content.weights is None:
        return [row.tobytes() for row in content.samples]
    return [
        row.tobytes() + weight.tobytes()
        for row, weight in zip(content.samples, content.weights, strict=True)
    ]
