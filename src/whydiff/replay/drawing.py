"""What one replica of a watched fit starts from and is fed, as plain arrays.

No global generator is touched. A seed means what ``keras.utils.set_random_seed(seed)`` right
before building and fitting the model means, as far as the backend lets us know: on JAX initial
values, order and noise are those of that plain run; on torch, too, as long as training steps do
not draw from torch's global generator between its permutations; on TensorFlow the order is not,
since what tf.data draws depends on how many operations were made before. Seeds that the script
gave itself are replaced as well. Resampled data, and a weight moved by one ULP, have no plain run
to follow.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from whydiff.core.dividing import divided
from whydiff.core.feeding import TransferError
from whydiff.core.live import Leaves, Live, Material, Samples, SeedHolder
from whydiff.core.recipe import named_fit
from whydiff.core.replicas import RANDOM_SOURCES, Replica
from whydiff.keras_backend import adapter
from whydiff.keras_backend.code import closed_over
from whydiff.keras_backend.leaves import leaf_roles
from whydiff.keras_backend.variables import Slot, Variables
from whydiff.replay import orders
from whydiff.replay.values import nudged


@dataclass(frozen=True, eq=False)
class Pool:
    """``samples`` are those of the training and then those of the validation data.

    ``rows`` are their positions in it, row by row as the script has them, ``held`` the number of
    validation rows at the end. Rows are evaluated in batches of ``batch``.
    """

    samples: Samples
    rows: np.ndarray
    held: int
    batch: int

    def divide(self, replica: Replica) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the samples that a replica is trained on, and of those held out."""
        seed = replica.seeds["data-content"]
        train, held = divided(replica.division, len(self.rows), self.held, seed)
        return self.rows[train], self.rows[held]

    def batches(self, held: np.ndarray) -> list[np.ndarray]:
        """Positions of the samples held out, batch by batch."""
        return [held[start : start + self.batch] for start in range(0, len(held), self.batch)]

    def evaluated(self, material: Material, held: np.ndarray) -> Material:
        """``material`` with these samples, validated on those held out."""
        return replace(
            material,
            samples=self.samples,
            validation=[self.samples.batch(rows) for rows in self.batches(held)],
            validation_structure=self.samples.structure,
            validation_later={},
        )


def pool_of(live: Live) -> Pool:
    """Raises TransferError with the reason why the data of a fit cannot be divided anew."""
    material, samples = live.material, live.material.samples
    if samples.leaves is None:
        raise TransferError("the samples were too large to keep")
    if samples.unit == "batch":
        raise TransferError("training was fed whole batches, which cannot be divided")
    if material.validation_later:
        raise TransferError("the validation data change from pass to pass")
    if live.recipe.batch_size.facts.get("steps_per_epoch"):
        raise TransferError("steps_per_epoch cuts the training data into epochs of its own")
    rows = live.origins.rows if live.origins is not None else None
    rows = np.arange(len(samples)) if rows is None else rows
    if any(len(epoch) != len(rows) for epoch in material.order):
        raise TransferError("not every epoch holds each training row once")
    batch = int(live.recipe.batch_size.facts.get("batch_size") or 32)
    if not material.validation:
        return Pool(samples, rows, 0, batch)
    theirs = _present(leaf_roles(material.validation_structure), material.validation)
    if theirs[0] != _present(samples.roles, [samples.leaves])[0]:
        raise TransferError("training and validation data do not hold the same kinds of arrays")
    columns = iter(zip(*theirs[1], strict=True))
    leaves = [leaf if leaf is None else _joined([leaf, *next(columns)]) for leaf in samples.leaves]
    whole = replace(samples, leaves=leaves)
    held = len(whole) - len(samples)
    rows = np.concatenate([rows, np.arange(len(samples), len(whole))])
    batches = [len(leaves[0]) for leaves in theirs[1]]
    # A single batch may have been a partial one.
    return Pool(whole, rows, held, batches[0] if len(batches) > 1 else max(batches[0], batch))


def _present(roles: Sequence[str], batches: Sequence[Leaves]) -> tuple[list[str], list[Leaves]]:
    """What the leaves that there are are for, and these leaves of every batch."""
    there = [i for i, leaf in enumerate(batches[0]) if leaf is not None]
    return [roles[i] for i in there], [[leaves[i] for i in there] for leaves in batches]


def _joined(parts: Leaves) -> np.ndarray:
    """One leaf of the training data and the same leaf of every batch of the validation data."""
    if not all(isinstance(part, np.ndarray) for part in parts):
        raise TransferError("samples are of different shapes")
    if len({(part.shape[1:], part.dtype.str) for part in parts}) > 1:
        raise TransferError("training and validation samples differ in shape or dtype")
    return np.concatenate(parts)


def fitted(order: np.ndarray, count: int, epoch: int) -> np.ndarray:
    """An order of row numbers made one of ``count`` rows.

    Rows beyond are left out; rows that it lacks come in at places drawn by the epoch alone.
    """
    kept = order[order < count]
    lacking = np.arange(len(order), count)
    places = np.random.default_rng(np.random.SeedSequence([epoch, 0xF1D])).integers(
        0, len(kept) + 1, len(lacking)
    )
    return np.insert(kept, places, lacking)


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
        own = {id(held): held for _, held in before if isinstance(held, keras.random.SeedGenerator)}
        first = {
            key: seeds.get(key, _first_seed(self._generators, held)) for key, held in own.items()
        }
        stand_ins = {key: keras.random.SeedGenerator(seed) for key, seed in first.items()}
        try:
            for holder, held in before:
                if id(held) in stand_ins:
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
    held = list(closed_over(initializer).values())
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


@dataclass(frozen=True, eq=False)
class Drawn:
    """Initial values, noise states, order and validation data of one replica.

    ``weights`` and ``noise`` are aligned with the recipe; ``order`` and ``batches`` hold one
    array per epoch that ``fit`` was asked for. ``random_state`` is the first state of the
    backend's global generator where steps draw from it and the noise was redrawn, else None.
    ``held`` are the positions in the pool of the samples held out, None where the fit's own
    validation data serve.
    """

    weights: list[np.ndarray]
    noise: list[np.ndarray]
    random_state: np.ndarray | None
    order: tuple[np.ndarray, ...]
    batches: tuple[np.ndarray, ...]
    held: np.ndarray | None = None


class Drawing:
    """Draws replicas of one fit. ``variables`` are those of its live model."""

    def __init__(self, live: Live, variables: Variables) -> None:
        self._live, self._variables = live, variables
        self.initial = InitialValues(live, variables.weights)

    def redrawable(self) -> tuple[list[str], dict[str, str]]:
        """Sources that a seed can redraw, and for the others why not."""
        sources, refused = [], {}
        for source in RANDOM_SOURCES:
            try:
                self._check(source)
                sources.append(source)
            except TransferError as why:
                refused[source] = str(why)
        return sources, refused

    def draw(self, replica: Replica) -> Drawn:
        """Everything that the seeds and settings of ``replica`` decide, as arrays."""
        for source in replica.seeds:
            self._check(source)
        order, batches = self.feeding(replica)
        noise, random_state = self.noise(replica.seeds)
        held = self.pool.divide(replica)[1] if replica.division else None
        return Drawn(self.weights(replica.seeds), noise, random_state, order, batches, held)

    @cached_property
    def pool(self) -> Pool:
        """Training and validation data as one. TransferError where they cannot be divided anew."""
        return pool_of(self._live)

    def weights(self, seeds: Mapping[str, int]) -> list[np.ndarray]:
        values = list(self._live.material.weights)
        if "initialization" in seeds:
            values = self.initial.draw(self.seeds_of(seeds["initialization"]))
        return self.rounded(values, seeds)

    def rounded(self, values: list[np.ndarray], seeds: Mapping[str, int]) -> list[np.ndarray]:
        """``values`` with one of them an ULP away, if the seeds redraw how they are rounded."""
        if "arithmetic" not in seeds:
            return values
        return nudged(values, self._live.recipe.initialization, seeds["arithmetic"])[0]

    def noise(self, seeds: Mapping[str, int]) -> tuple[list[np.ndarray], np.ndarray | None]:
        recorded = self._live.material.noise
        if "noise" not in seeds:
            return list(recorded), None
        variables = [slot.variable for slot in self._variables.noise]
        found = states(self._holders, variables, recorded, self.seeds_of(seeds["noise"]))
        drawn = self._live.material.random_states
        return found, adapter().seeded_state(seeds["noise"]) if drawn else None

    def feeding(self, replica: Replica) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """(order, batch sizes), each one array per epoch."""
        seeds, settings = replica.seeds, replica.settings
        if self._live.origins is None or not self._live.material.order:
            raise TransferError("the order of this fit was not recorded")
        live = self._numbered(replica)
        assert live.origins is not None
        shuffle = settings.get("shuffle")
        if _is_off(shuffle):
            order = orders.unshuffled_order(live)
        elif "data-order" in seeds or shuffle is not None:
            permute = adapter().permutations(seeds.get("data-order", 0), live.origins.peeks)
            order = orders.redrawn_order(live, permute)
        else:
            order = orders.recorded_order(live)
        if replica.division:
            train = self.pool.divide(replica)[0]
            order = [train[fitted(epoch, len(train), n)] for n, epoch in enumerate(order)]
        elif "data-content" in seeds:
            order = orders.resampled(live, order, seeds["data-content"])
        if "batch-size" in settings:
            batches = orders.cut_anew(live, order, int(settings["batch-size"]))
        else:
            batches = orders.recorded_batches(live, order)
        return tuple(order), tuple(batches)

    def _numbered(self, replica: Replica) -> Live:
        """The fit; where its rows are divided anew, with orders of rows instead of samples.

        What is drawn anew is drawn for as many rows as the division trains on.
        """
        if not replica.division:
            return self._live
        live, samples, pool = self._live, self._live.material.samples, self.pool
        assert live.origins is not None
        place = orders.places(pool.rows[: len(pool.rows) - pool.held], len(samples))
        material = replace(live.material, order=tuple(map(place, live.material.order)))
        rows = None if live.origins.rows is None else np.arange(len(pool.divide(replica)[0]))
        return replace(live, material=material, origins=replace(live.origins, rows=rows))

    def seeds_of(self, seed: int) -> dict[int, int]:
        """Seed by id of every initializer and seed generator."""
        used = self.initial.used | self._noisy
        return holder_seeds(self._holders, used, seed)

    @property
    def _holders(self) -> Any:
        assert self._live.origins is not None
        return self._live.origins.holders

    @property
    def _noisy(self) -> set[int]:
        """Ids of the seed generators whose states are variables of the model."""
        states_ = {id(slot.variable) for slot in self._variables.noise}
        return {
            id(h.holder)
            for h in self._holders
            if h.kind == "seed generator" and id(h.holder.state) in states_
        }

    def _check(self, source: str) -> None:
        """Raise TransferError with the reason why a seed cannot redraw ``source``."""
        live = self._live
        if source not in RANDOM_SOURCES:
            raise TransferError(f"{source} is no source that a seed can redraw")
        if live.origins is None:
            raise TransferError("this fit was recorded without the origins of its values")
        if source == "initialization":
            self._check_initialization()
        elif source == "noise":
            if not any(live.origins.moved) and not live.material.random_states:
                raise TransferError("no training step draws random numbers")
        elif source == "arithmetic":
            if not nudged(live.material.weights, live.recipe.initialization, 0)[1]:
                raise TransferError("there is no initial weight that could move by one ULP")
        elif live.material.samples.leaves is None:
            raise TransferError("the samples were too large to keep")
        elif source == "data-order":
            orders.check_shuffles(live)
        elif live.material.samples.unit == "batch":
            raise TransferError("training was fed whole batches, which cannot be resampled")

    def _check_initialization(self) -> None:
        if self.initial.random:
            return
        trained = [t for t in self._live.recipe.initialization if t.trained_by is not None]
        if trained:
            raise TransferError(
                f"training went on from what {named_fit(trained[0].trained_by or 0)} had trained"
            )
        if self.initial.foreign:
            path = self._live.recipe.initialization[self.initial.foreign[0]].path
            raise TransferError(
                f"initial values were loaded or set ({path} first), not drawn by an initializer"
            )
        raise TransferError("all initial values are constants")


def _is_off(shuffle: Any) -> bool:
    return shuffle is not None and str(shuffle).lower() in ("off", "false", "0", "no")


# --- which seed every holder of a seed gets when a fit is drawn anew from one number ----------
# The seed of a replica means what ``keras.utils.set_random_seed(seed)`` right before building the
# model means: Keras draws the seeds that a script leaves open from Python's generator, in the order
# in which initializers and seed generators are made. Seeds that the script gave are replaced too,
# by numbers of a stream of their own, since otherwise there would be nothing to study; equal seeds
# stay equal.


#: Bounds of the seeds that Keras draws (``make_default_seed``).
LOWEST, HIGHEST = 1, 10**9


def holder_seeds(holders: Sequence[SeedHolder], used: set[int], seed: int) -> dict[int, int]:
    """Seed by id of the holder, for every holder from the first that is ``used`` on.

    ``used`` holds the ids of those that the model of the fit uses: earlier ones were drawn for
    other purposes, before the model's building began.
    """
    first = next((i for i, h in enumerate(holders) if id(h.holder) in used), len(holders))
    generator = random.Random(seed)
    found = {}
    for item in holders[first:]:
        if item.explicit:
            found[id(item.holder)] = _own_stream(seed, item.seed)
        else:
            found[id(item.holder)] = generator.randint(LOWEST, HIGHEST)
    for item in holders[:first]:
        found[id(item.holder)] = _own_stream(seed, item.seed)
    return found


def _own_stream(seed: int, given: int | None) -> int:
    state = np.random.SeedSequence([seed, given or 0, 0x5EED]).generate_state(1)
    return LOWEST + int(state[0]) % HIGHEST


def states(
    holders: Sequence[SeedHolder],
    variables: Sequence[Any],
    recorded: Sequence[np.ndarray],
    seeds: Mapping[int, int],
) -> list[np.ndarray]:
    """First states of seed generators, aligned with ``variables``; those not seen stay."""
    generator_of = {id(h.holder.state): id(h.holder) for h in holders if h.kind == "seed generator"}
    values = []
    for variable, before in zip(variables, recorded, strict=True):
        new = seeds.get(generator_of.get(id(variable), 0))
        value = np.array(before)
        if new is not None:
            value[0] = new
        values.append(value)
    return values
