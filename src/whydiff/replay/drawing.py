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

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.live import Live, SeedHolder
from whydiff.core.recipe import named_fit
from whydiff.core.replicas import RANDOM_SOURCES, Replica
from whydiff.keras_backend import adapter
from whydiff.keras_backend.variables import Variables
from whydiff.replay import orders
from whydiff.replay.dividing import Pool, fitted, pool_of
from whydiff.replay.initial import InitialValues
from whydiff.replay.nudging import nudged


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
