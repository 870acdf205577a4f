"""Successive fits of one model as one that can be trained again in one go."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import keras
import numpy as np

from whydiff.core.chains import pooled, restarts
from whydiff.core.feeding import TransferError
from whydiff.core.live import Live, Material, Samples
from whydiff.core.recipe import Recipe, Tensor
from whydiff.keras_backend.callbacks import fresh_callback, sort_callbacks

Value = TypeVar("Value")

#: Fields of the recipe that a program is compiled from, which no hybrid changes on the way.
_COMPILED = ("objective", "architecture", "mode", "precision", "arithmetic")


def joined(lives: Sequence[Live]) -> Live:
    """A live fit that does what ``lives`` did one after the other.

    TransferError where that is not to be had in one training: its parts are compiled otherwise, or
    something but the optimizer was changed between them.
    """
    first, last = lives[0], lives[-1]
    for earlier, later in itertools.pairwise(lives):
        _check(earlier, later)
    starts = _starts(lives)
    recipe = first.recipe
    begin = [int(live.fit_arguments["initial_epoch"]) for live in lives]
    moved = [start - own for start, own in zip(starts, begin, strict=True)]
    material = _material(lives, moved)
    parts = [
        Part(start, own, tuple(_steering(live)))
        for start, own, live in zip(starts, begin, lives, strict=True)
    ]
    callbacks = [InTurn(parts)] if any(part.callbacks for part in parts) else []
    ran = sum(len(live.material.order) for live in lives)
    return replace(
        first,
        recipe=replace(recipe, data_content=pooled([_content(live) for live in lives]).content),
        material=material,
        callbacks=callbacks,
        acting=frozenset({0} if callbacks else ()),
        ending=frozenset(),
        fit_arguments={**first.fit_arguments, "epochs": starts[0] + ran},
        final=last.final,
        trained=last.trained,
        logs=tuple(logs for live in lives for logs in live.logs),
        train_function=(last if last.model is first.model else first).train_function,
        seconds=sum(live.seconds for live in lives),
        restarts={
            start: values
            for start, live in zip(starts[1:], lives[1:], strict=True)
            if (values := _restarted(live.recipe.state, live.material.state))
        },
        seed_restarts={
            start: values
            for start, live in zip(starts[1:], lives[1:], strict=True)
            if (values := _restarted(live.recipe.noise, live.material.noise))
        },
        origins=None,
    )


def _check(earlier: Live, later: Live) -> None:
    names = f"fits {earlier.index} and {later.index}"
    if "script" in (earlier.again, later.again):
        raise TransferError("its steps belong to a loop of the script's own")
    shapes = [[(t.path, t.shape) for t in live.recipe.initialization] for live in (earlier, later)]
    if earlier.model is not later.model and shapes[0] != shapes[1]:
        raise TransferError(f"{names} train two model objects, so they are no training in one go")
    for name in _COMPILED:
        if repr(getattr(earlier.recipe, name)) != repr(getattr(later.recipe, name)):
            raise TransferError(
                f"the {name} changes between {names}, so they are no training in one go"
            )
    if _settings(earlier.recipe) != _settings(later.recipe):
        raise TransferError(
            f"{names} have optimizers set differently, so they are no training in one go"
        )
    # Seed generators are set back where a later fit begins; global ones go their own way.
    compiled_in = [tensor for tensor in later.recipe.noise if tensor.role != "seed"]
    changed = [
        tensor.path
        for tensor in (*later.recipe.initialization, *compiled_in)
        if tensor.trained_by is None
    ]
    if changed:
        raise TransferError(
            f"{changed[0]} was changed between {names}, so they are no training in one go"
        )
    stopping = sort_callbacks(earlier.callbacks, earlier.acting, earlier.ending)[0]
    if stopping:
        raise TransferError(
            f"{type(stopping[0]).__name__} may end fit {earlier.index} early or change what it "
            f"leaves, so {names} are no training in one go"
        )


def _settings(recipe: Recipe) -> str:
    facts = dict(recipe.optimizer)
    for key in ("learning_rate", "callbacks"):
        facts.pop(key, None)
    return repr(facts)


def _content(live: Live) -> Any:
    return live.recipe.data_content


def _starts(lives: Sequence[Live]) -> list[int]:
    lengths = [len(live.material.order) for live in lives]
    begin = int(lives[0].fit_arguments["initial_epoch"])
    return list(itertools.accumulate(lengths[:-1], initial=begin))


def _restarted(tensors: Sequence[Tensor], values: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Values that go on from no earlier fit, by path; a global generator has none here."""
    return {tensors[i].path: np.array(values[i]) for i in restarts(tensors) if i < len(values)}


def _material(lives: Sequence[Live], moved: Sequence[int]) -> Material:
    first = lives[0].material
    parts = [live.material for live in lives]
    pool = pooled([_content(live) for live in lives])
    passes = [len(m.order) if m.validation else 0 for m in parts]
    later: dict[int, Any] = {}
    for material, start in zip(parts, itertools.accumulate(passes[:-1], initial=0), strict=True):
        for number in range(len(material.order) if material.validation else 0):
            later[start + number] = material.validation_later.get(number, material.validation)
    return replace(
        first,
        samples=_samples(parts, pool.kept),
        order=tuple(
            rows[order] for m, rows in zip(parts, pool.rows, strict=True) for order in m.order
        ),
        batches=tuple(sizes for m in parts for sizes in m.batches),
        validation=next((m.validation for m in parts if m.validation), []),
        validation_later=later,
        random_states=_shifted([m.random_states for m in parts], moved),
        random_draws=_shifted([m.random_draws for m in parts], moved),
        host_draws={
            name: _shifted([m.host_draws.get(name, {}) for m in parts], moved)
            for name in dict.fromkeys(name for m in parts for name in m.host_draws)
        },
    )


def _shifted(
    parts: Sequence[Mapping[tuple[int, int], Value]], moved: Sequence[int]
) -> dict[tuple[int, int], Value]:
    return {
        (epoch + by, step): value
        for part, by in zip(parts, moved, strict=True)
        for (epoch, step), value in part.items()
    }


def _samples(parts: Sequence[Material], kept: Sequence[np.ndarray]) -> Samples:
    first = parts[0].samples
    if any(m.samples.roles != first.roles or m.samples.unit != first.unit for m in parts):
        raise TransferError("its fits are fed samples of other kinds")
    leaves: list[Any] | None = []
    for i in range(len(first.roles)):
        pieces = [
            _taken(m.samples.leaves[i], rows)
            for m, rows in zip(parts, kept, strict=True)
            if m.samples.leaves is not None and len(rows)
        ]
        assert leaves is not None
        leaves.append(_concatenated(pieces))
    if any(m.samples.leaves is None for m in parts):
        leaves = None
    return replace(first, leaves=leaves)


def _taken(leaf: Any, rows: np.ndarray) -> Any:
    if leaf is None or isinstance(leaf, np.ndarray):
        return None if leaf is None else leaf[rows]
    return [leaf[i] for i in rows]


def _concatenated(pieces: Sequence[Any]) -> Any:
    if not pieces or any(piece is None for piece in pieces):
        return None
    if len(pieces) == 1:
        return pieces[0]
    shapes = {piece.shape[1:] for piece in pieces if isinstance(piece, np.ndarray)}
    if len(shapes) == 1 and all(isinstance(piece, np.ndarray) for piece in pieces):
        return np.concatenate(pieces)
    return [row for piece in pieces for row in piece]


def _steering(live: Live) -> list[Any]:
    return sort_callbacks(live.callbacks, live.acting, live.ending)[1]


@dataclass(frozen=True)
class Part:
    """One fit among successive ones: its first epoch among all, as it counts itself, and the
    callbacks that change it on the way."""

    start: int
    own: int
    callbacks: tuple[Any, ...]


class InTurn(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """The callbacks of successive fits, each while its own fit's epochs train, counted as there."""

    def __init__(self, parts: Sequence[Part]) -> None:
        super().__init__()
        self._parts = tuple(parts)
        self._active: list[Any] = []
        self._part: Part | None = None

    def _call(self, name: str, *arguments: Any) -> None:
        for callback in self._active:
            getattr(callback, name)(*arguments)

    def _enter(self, part: Part) -> None:
        if part is self._part:
            return
        if self._part is not None:
            self._call("on_train_end", None)
        self._part = part
        self._active = [fresh_callback(callback) for callback in part.callbacks]
        self._call("set_params", self.params)
        self._call("set_model", self.model)
        self._call("on_train_begin", None)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        part = [part for part in self._parts if part.start <= epoch][-1]
        self._enter(part)
        self._call("on_epoch_begin", epoch - part.start + part.own, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._part is not None:
            self._call("on_epoch_end", epoch - self._part.start + self._part.own, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._call("on_train_batch_end", batch, logs)

    def on_train_end(self, logs: Any = None) -> None:
        self._call("on_train_end", logs)
        self._part, self._active = None, []
