"""Which seed every holder of a seed gets when a fit is drawn anew from one number.

The seed of a replica means what ``keras.utils.set_random_seed(seed)`` right before building the
model means: Keras draws the seeds that a script leaves open from Python's generator, in the order
in which initializers and seed generators are made. Seeds that the script gave are replaced too,
by numbers of a stream of their own, since otherwise there would be nothing to study; equal seeds
stay equal.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whydiff.core.live import SeedHolder

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
