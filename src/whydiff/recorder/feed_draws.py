"""Generators that draw while a stream of the script's own feeds a training."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from whydiff.keras_backend.code import closed_over, is_users
from whydiff.keras_backend.host_generators import NUMPY, PYTHON, host_state, is_generator

#: The global generators as the modules that they belong to.
_GLOBAL = {NUMPY: "numpy", PYTHON: "random"}
#: How deep a generator that feeds is looked for generators that it goes through.
_DEEPEST = 3


def feed_draws(keras: Any, data: Any) -> FeedDraws | None:
    """None where no Python code of the script's feeds the training."""
    streams = types.GeneratorType, getattr(keras.utils, "Sequence", ())
    return FeedDraws(data) if isinstance(data, streams) else None


class FeedDraws:
    """Which generators drew while a training was fed: the global ones by their states, and those
    that the Python code which feeds it holds.

    Made before the first batch is asked for.
    """

    def __init__(self, data: Any) -> None:
        self._data = data
        self._before = {name: host_state(name) for name in (NUMPY, PYTHON)}
        self._held: dict[int, tuple[Any, np.ndarray | None]] = {}
        self.look()

    def look(self) -> None:
        """Find what is held now: a generator's own code begins with its first batch."""
        for generator in _held_by(self._data, 0):
            if id(generator) not in self._held:
                self._held[id(generator)] = generator, host_state("", {"": generator})

    def names(self) -> list[str | int | None]:
        """Of those that drew: ``numpy`` and ``random`` for the global ones, the seed of one that
        ``default_rng`` made, None for one whose seed cannot be seen."""
        self.look()
        states = {name: host_state(name) for name in self._before}
        drew: list[str | int | None] = [
            _GLOBAL[name] for name, before in self._before.items() if _moved(before, states[name])
        ]
        for generator, before in self._held.values():
            fresh = _fresh(generator)
            now = host_state("", {"": generator})
            if _moved(before, now) or (fresh is not None and _moved(fresh, now)):
                drew.append(_seed_of(generator))
        return drew


def _moved(before: np.ndarray | None, now: np.ndarray | None) -> bool:
    return before is None or now is None or not np.array_equal(before, now)


def _seed_of(generator: Any) -> int | None:
    """The seed that ``default_rng`` was given; None where none was, or it is made otherwise."""
    sequence = getattr(getattr(generator, "bit_generator", None), "seed_seq", None)
    seed = getattr(sequence, "entropy", None)
    plain = isinstance(seed, int) and seed < 2**64 and not getattr(sequence, "spawn_key", ())
    return seed if plain else None


def _fresh(generator: Any) -> np.ndarray | None:
    """The state that such a generator began with."""
    seed = _seed_of(generator)
    return None if seed is None else host_state("", {"": np.random.default_rng(seed)})


def _held_by(thing: Any, depth: int) -> Iterator[Any]:
    """Generators of random numbers that feeding code holds: a generator's variables, a PyDataset's
    attributes, what a function closes over."""
    if is_generator(thing):
        yield thing
    if depth > _DEEPEST or is_generator(thing):
        return
    held: list[Any] = []
    if isinstance(thing, types.GeneratorType):
        frame = thing.gi_frame
        held = list(frame.f_locals.values()) if frame is not None else []
        names = thing.gi_code.co_names
        held += [frame.f_globals[n] for n in names if frame is not None and n in frame.f_globals]
        held.append(thing.gi_yieldfrom)
    elif inspect.isroutine(thing):
        held = list(closed_over(thing).values())
    elif is_users(type(thing)):
        held = list(getattr(thing, "__dict__", {}).values())
    for part in held:
        if is_generator(part) or isinstance(part, types.GeneratorType) or _is_theirs(part):
            yield from _held_by(part, depth + 1)


def _is_theirs(thing: Any) -> bool:
    """Whether a thing is a function or an object of the script's own."""
    return not isinstance(thing, (type, types.ModuleType)) and is_users(
        thing if inspect.isroutine(thing) else type(thing)
    )
