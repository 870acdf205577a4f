"""Samples and orders in the form in which a fused program takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.live import Live, Samples
from whydiff.replay.probe import Probe

#: More runs of batches of different sizes than this would be as many programs.
MOST_RUNS = 4


def runs(sizes: np.ndarray) -> tuple[tuple[int, int], ...]:
    """(number of batches, batch size) of each run of batches of equal size."""
    found: list[tuple[int, int]] = []
    for size in sizes.tolist():
        if found and found[-1][1] == size:
            found[-1] = (found[-1][0] + 1, size)
        else:
            found.append((1, size))
    if len(found) > MOST_RUNS:
        raise TransferError("the batches of an epoch change their size too often")
    return tuple(found)


def stacked_orders(orders: Sequence[np.ndarray], sizes: np.ndarray) -> list[np.ndarray]:
    """Orders of one epoch, one per replica, as int32 arrays (replicas, batches, size) per run."""
    whole = np.stack(orders).astype(np.int32)
    found, start = [], 0
    for count, size in runs(sizes):
        part = whole[:, start : start + count * size]
        found.append(np.ascontiguousarray(part.reshape(len(orders), count, size)))
        start += count * size
    return found


@dataclass(frozen=True, eq=False)
class Fed:
    """What all replicas are fed, on the device.

    ``samples`` are the leaves of the training data, shape (samples, ...); ``validation`` and
    ``probe`` hold batches of equal shape stacked, as packed structures of (steps, batch, ...).
    ``probe`` is None where predictions are not compared. Where rows are divided anew ``samples``
    are those of the whole pool, and every replica is validated on rows of its own.
    """

    samples: list[Any]
    validation: list[Any]
    probe: list[Any] | None


def on_device(live: Live, probe: Probe | None, pool: Samples | None = None) -> Fed:
    """Raises TransferError where the data are no plain arrays of one shape each.

    ``pool`` holds training and validation samples where these are divided anew.
    """
    material = live.material
    samples = _leaves(pool or material.samples)
    if pool is None and material.validation_later:
        raise TransferError("the validation data change from pass to pass")
    return Fed(
        samples,
        []
        if pool is not None
        else stacked_batches(material.validation, material.validation_structure),
        None if probe is None else stacked_batches(*probe),
    )


def _leaves(samples: Samples) -> list[Any]:
    import jax.numpy as jnp

    if samples.leaves is None:
        raise TransferError("the samples were too large to keep")
    if samples.unit == "batch":
        raise TransferError("training is fed whole batches, not samples")
    for leaf in samples.leaves:
        if leaf is not None and (not isinstance(leaf, np.ndarray) or leaf.dtype.kind not in "fiub"):
            raise TransferError("samples are of different shapes, or no numbers")
    return [None if leaf is None else jnp.asarray(leaf) for leaf in samples.leaves]


def stacked_batches(batches: Sequence[list[Any]], structure: Any) -> list[Any]:
    """Neighbouring batches of equal shape stacked, as packed structures of (steps, batch, ...)."""
    import jax.numpy as jnp

    groups: list[list[list[Any]]] = []
    for batch in batches:
        shapes = [None if leaf is None else leaf.shape for leaf in batch]
        if groups and shapes == [None if a is None else a.shape for a in groups[-1][0]]:
            groups[-1].append(batch)
        else:
            groups.append([batch])
    if len(groups) > MOST_RUNS:
        raise TransferError("the batches that are evaluated change their size too often")
    return [
        keras.tree.pack_sequence_as(
            structure,
            [
                None if leaves[0] is None else jnp.asarray(np.stack(leaves))
                for leaves in zip(*group, strict=True)
            ],
        )
        for group in groups
    ]
