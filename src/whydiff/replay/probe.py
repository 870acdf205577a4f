"""What predictions on the probe should be, and what seeds decide before training."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.live import Live
from whydiff.core.replicas import Replica
from whydiff.replay import orders
from whydiff.replay.drawing import Drawing
from whydiff.replay.outcome import probe_batches


def targets_of(live: Live) -> list[np.ndarray]:
    """What the model should predict on the probe, an array per leaf of y; [] if there is none."""
    whole = probe_batches(live)
    if whole is None:
        return []
    batches, structure = whole
    if not isinstance(structure, tuple) or len(structure) < 2 or structure[1] is None:
        return []
    start = len(keras.tree.flatten(structure[0]))
    stop = start + len(keras.tree.flatten(structure[1]))
    columns = list(zip(*(leaves[start:stop] for leaves in batches), strict=True))
    shapes = [{np.shape(part)[1:] for part in column} for column in columns]
    missing = any(part is None for column in columns for part in column)
    if missing or any(len(found) > 1 for found in shapes):
        return []  # nothing to compare with, or batches padded to their longest
    return [np.concatenate([np.asarray(part) for part in column]) for column in columns]


def streams(live: Live, drawing: Drawing, replica: Replica) -> dict[str, str]:
    """A digest by source of what the seeds of ``replica`` decide, as training would be given it."""
    seeds = dict(replica.seeds)
    drawn = drawing.draw(Replica(replica.number, seeds))
    content = seeds.pop("data-content", None)
    order, _ = drawing.feeding(Replica(replica.number, seeds))
    found = {
        "initialization": _digest(drawn.weights),
        "noise": _digest(
            [*drawn.noise, *([] if drawn.random_state is None else [drawn.random_state])]
        ),
        "data-order": _digest(order),
    }
    if content is not None:
        found["data-content"] = _digest(
            orders.resampled(live, orders.recorded_order(live), content)
        )
    return found


def _digest(arrays: Any) -> str:
    whole = "".join(tensor_digest(np.asarray(a)) for a in arrays)
    return tensor_digest(np.frombuffer(bytes.fromhex(whole), np.uint8))
