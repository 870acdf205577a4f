"""The training and validation data of a fit as one set of rows that can be divided anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from whydiff.core.dividing import divided
from whydiff.core.feeding import TransferError
from whydiff.core.live import Leaves, Live, Material, Samples
from whydiff.core.replicas import Replica
from whydiff.keras_backend.leaves import leaf_roles


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
