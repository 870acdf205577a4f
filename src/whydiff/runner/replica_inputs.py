"""What a replica starts from and is fed, on its way from one process to another: one .npz file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.replicas import ReplicaInputs


def savable(array: np.ndarray) -> np.ndarray:
    """What .npz holds of an array: bfloat16 and its like as float32, number by number the same."""
    return array if array.dtype.kind in "fiub" else array.astype(np.float32)


def save_arrays(path: Path | str, arrays: Mapping[str, np.ndarray]) -> None:
    """Arrays by name into an .npz file."""
    savez: Any = np.savez  # its types take a name for an option of its own
    savez(path, **arrays)


def write(replica_inputs: ReplicaInputs, path: Path) -> None:
    """The arrays of ``replica_inputs`` into a file."""
    arrays = {f"weights:{name}": savable(value) for name, value in replica_inputs.weights.items()}
    for kind, epochs in (("order", replica_inputs.order), ("batches", replica_inputs.batches)):
        arrays |= {f"{kind}:{number}": epoch for number, epoch in enumerate(epochs)}
    save_arrays(path, arrays)


def read(path: Path) -> ReplicaInputs:
    """The arrays that :func:`write` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    weights = {n.removeprefix("weights:"): a for n, a in arrays.items() if n.startswith("weights:")}
    return ReplicaInputs(weights, _epochs(arrays, "order"), _epochs(arrays, "batches"))


def reordered(path: Path, places: np.ndarray) -> None:
    """Name the samples of every epoch as the other process does."""
    replica_inputs = read(path)
    write(
        ReplicaInputs(
            replica_inputs.weights, _placed(replica_inputs.order, places), replica_inputs.batches
        ),
        path,
    )


def _placed(order: Sequence[np.ndarray], places: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(places[epoch] for epoch in order)


def _epochs(arrays: Mapping[str, np.ndarray], kind: str) -> tuple[np.ndarray, ...]:
    count = sum(name.startswith(f"{kind}:") for name in arrays)
    return tuple(arrays[f"{kind}:{number}"] for number in range(count))
