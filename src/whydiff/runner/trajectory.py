"""Losses and weights at chosen moments of one training, from one process to another.

One folder: ``logs.json`` and ``weights.npz``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.diagnosis.moments import Moment
from whydiff.runner.replica_inputs import savable, save_arrays


class TrajectoryWriter:
    """Takes moments of one training and writes them to a folder at its end.

    ``logs.json`` is a list of [epoch, step, logs, row]; row, None without weights, counts into
    ``weights.npz``, an array of shape (rows, ...) per tensor.
    """

    def __init__(self) -> None:
        self._records: list[list[Any]] = []
        self._weights: list[Mapping[str, np.ndarray]] = []

    def __call__(
        self, moment: Moment, logs: dict[str, float], weights: Mapping[str, np.ndarray] | None
    ) -> None:
        row = None if weights is None else len(self._weights)
        self._records.append([*moment, logs, row])
        if weights is not None:
            self._weights.append(weights)

    def write(self, folder: Path) -> None:
        """Write everything taken until now."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "logs.json").write_text(json.dumps(self._records))
        names = self._weights[0] if self._weights else ()
        stacked = {n: savable(np.stack([w[n] for w in self._weights])) for n in names}
        save_arrays(folder / "weights.npz", stacked)


class TrajectoryReader:
    """What :class:`TrajectoryWriter` wrote."""

    def __init__(self, folder: Path) -> None:
        records = json.loads((folder / "logs.json").read_text())
        self._records = {(epoch, step): (logs, row) for epoch, step, logs, row in records}
        with np.load(folder / "weights.npz", allow_pickle=False) as stored:
            self._weights = {name: stored[name] for name in stored.files}

    def loss(self, moment: Moment | None) -> float | None:
        """The logged loss; None where it is missing or not finite."""
        loss = self._records.get(moment, ({}, None))[0].get("loss") if moment is not None else None
        return loss if loss is not None and math.isfinite(loss) else None

    def weights(self, moment: Moment | None) -> dict[str, np.ndarray] | None:
        """The weights by canonical path; None where they were not kept."""
        row = self._records.get(moment, ({}, None))[1] if moment is not None else None
        return None if row is None else {n: v[row] for n, v in self._weights.items()}
