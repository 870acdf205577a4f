"""Initial values drawn anew: the model's own initializers asked again with other seeds."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from whydiff.core.live import Live, SeedHolder
from whydiff.keras_backend import adapter
from whydiff.keras_backend.variables import Slot

#: Any two seeds tell whether a value depends on seeds.
_PROBES = (20_231, 77_003)


class InitialValues:
    """The initial values of one fit's weights, as far as its initializers decide them.

    ``slots`` are the live weights, aligned with the recipe. A weight is *random* if its
    initializer gives the value that was recorded, and another one with another seed. Values that
    were loaded, set or trained earlier are not the initializers' and stay as they are.
    """

    def __init__(self, live: Live, slots: Sequence[Slot]) -> None:
        assert live.origins is not None
        self._live, self._slots = live, slots
        self._holders = [h for h in live.origins.holders if h.kind == "initializer"]
        self._generators = [h for h in live.origins.holders if h.kind == "seed generator"]
        self._asked = [
            i
            for i, initializer in enumerate(live.origins.initializers)
            if callable(initializer) and np.issubdtype(live.material.weights[i].dtype, np.number)
        ]

    @cached_property
    def random(self) -> list[int]:
        """Positions of the weights that seeds decide."""
        recorded = self._live.material.weights
        everyone = self._holders + self._generators
        own = {id(h.holder): h.seed for h in everyone if h.seed is not None}
        with undisturbed():
            again = self._ask(self._asked, own)
        asked = [
            i for i in self._asked if again.get(i) is not None and _equal(again[i], recorded[i])
        ]
        one, other = (
            self._ask(asked, {id(h.holder): probe + n for n, h in enumerate(everyone)})
            for probe in _PROBES
        )
        return [i for i in asked if not np.array_equal(one[i], other[i])]

    @cached_property
    def foreign(self) -> list[int]:
        """Positions of trainable weights whose values no initializer of Keras gave."""
        recorded = self._live.material.weights
        with undisturbed():
            again = self._ask(self._asked, {})
        return [
            i
            for i, slot in enumerate(self._slots)
            if slot.role == "trainable"
            and (again.get(i) is None or not _equal(again[i], recorded[i]))
        ]

    @cached_property
    def used(self) -> set[int]:
        """Ids of the initializers (and the generators they draw from) that decide a weight."""
        found: set[int] = set()
        initializers = [self._live.origins.initializers[i] for i in self.random]  # type: ignore[union-attr]
        for item in self._holders:
            if any(item.holder is i or _within(i, item.holder) for i in initializers):
                found |= {id(item.holder), id(item.holder.seed)}
        return found

    def draw(self, seeds: Mapping[int, int]) -> list[np.ndarray]:
        """All weights, aligned with the recipe, for ``seeds`` by id of the holder."""
        values = [np.array(v) for v in self._live.material.weights]
        for i, value in self._ask(self.random, seeds).items():
            assert value is not None
            values[i] = value
        return values

    def ask_traced(self, positions: Sequence[int], holders: Sequence[Any], seeds: Any) -> list[Any]:
        """The same inside a traced function: ``seeds`` has one traced seed pair per holder."""
        given = {id(h): seeds[n] for n, h in enumerate(holders)}
        with self._seeded(given):
            return [self._initial(i) for i in positions]

    def holders_of_random(self) -> list[Any] | None:
        """Initializers to seed in a trace; None where one draws from a generator with a state."""
        chosen = [h.holder for h in self._holders if id(h.holder) in self.used]
        plain = all(isinstance(h.seed, int) for h in chosen)
        return chosen if plain else None

    def _ask(self, positions: Sequence[int], seeds: Mapping[int, int]) -> dict[int, Any]:
        """Value by position; None where the initializer cannot be asked again."""
        to_numpy = adapter().to_numpy
        found: dict[int, Any] = {}
        with self._seeded(seeds):
            for i in positions:
                try:
                    found[i] = np.array(to_numpy(self._initial(i)))
                except Exception:  # an initializer of the user's that works only once
                    found[i] = None
        return found

    def _initial(self, i: int) -> Any:
        variable = self._slots[i].variable
        initializer = self._live.origins.initializers[i]  # type: ignore[union-attr]
        return initializer(tuple(variable.shape), dtype=variable.dtype)

    @contextlib.contextmanager
    def _seeded(self, seeds: Mapping[int, Any]) -> Iterator[None]:
        """The initializers hold these seeds for a while; a generator gets a fresh stand-in."""
        import keras

        before = [(h.holder, h.holder.seed) for h in self._holders]
        stand_ins: dict[int, Any] = {}
        try:
            for holder, held in before:
                if isinstance(held, keras.random.SeedGenerator):
                    if id(held) not in stand_ins:
                        first = seeds.get(id(held), _first_seed(self._generators, held))
                        stand_ins[id(held)] = keras.random.SeedGenerator(first)
                    holder.seed = stand_ins[id(held)]
                elif id(holder) in seeds:
                    holder.seed = seeds[id(holder)]
            yield
        finally:
            for holder, held in before:
                holder.seed = held


def _first_seed(generators: Sequence[SeedHolder], generator: Any) -> int:
    return next((h.seed or 0 for h in generators if h.holder is generator), 0)


def _within(initializer: Any, holder: Any) -> bool:
    """Whether a function that makes values (an LSTM's bias, say) encloses ``holder``."""
    cells = getattr(initializer, "__closure__", None) or ()
    held = [cell.cell_contents for cell in cells]
    held += list(vars(initializer).values()) if hasattr(initializer, "__dict__") else []
    owners = [getattr(part, "__dict__", {}) for part in held]
    return any(part is holder for part in held) or any(
        part is holder for owner in owners for part in owner.values()
    )


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    return bool(np.allclose(one.astype(np.float64), other.astype(np.float64), 1e-5, 1e-7))


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Whatever an initializer of the user's draws from global generators is given back."""
    python, numpy, backend = random.getstate(), np.random.get_state(), adapter().random_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        if backend is not None:
            adapter().set_random_state(backend)
