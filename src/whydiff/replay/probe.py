"""What predictions are compared on, what they should be, and what seeds decide before training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.live import Live
from whydiff.core.pictures import picture
from whydiff.core.replicas import Replica
from whydiff.keras_backend.internals import leaves_of
from whydiff.replay import orders
from whydiff.replay.drawing import Drawing
from whydiff.stats.correspondence import correspondence

#: A probe holds at most this many samples where there are no validation data.
PROBE_SAMPLES = 1000
#: Small enough for what a layer makes of a batch to stay in the cache.
_BATCH = 50

#: (batches, structure) of the inputs that predictions are compared on.
Probe = tuple[list[list[Any]], Any]


def probe_of(live: Live) -> Probe | None:
    """The validation inputs if there are any, else the first 1,000 training samples.

    None where neither were kept.
    """
    if not live.material.validation and live.material.samples.leaves is None:
        return None
    batches, structure = _batches(live)
    inputs = structure[0] if isinstance(structure, tuple) else structure
    width = len(leaves_of(inputs))
    return [leaves[:width] for leaves in batches], (inputs,)


#: How inputs follow from others that mean the same, see :func:`correspondence`.
_ANOTHER_FORM = ("padded", "rearranged", "scaled", "shifted", "encoded")


def probes_of(lives: Mapping[str, Live]) -> dict[str, Probe | None]:
    """What models are asked that were trained on the data of each side: all A's inputs, unless B
    holds the same samples in another form (scaled, encoded, columns exchanged). There each side's
    own are asked, as whoever uses the model would: A's mean something else to B's."""
    a, b = (probe_of(lives[name]) for name in ("a", "b"))
    return {"a": a, "b": b if _in_another_form(lives["a"], lives["b"]) else a}


def _in_another_form(a: Live, b: Live) -> bool:
    targets, inputs = [targets_of(a), targets_of(b)], [_inputs(a), _inputs(b)]
    if not targets[0] or any(len(one) != len(other) for one, other in (targets, inputs)):
        return False
    one, other = inputs
    alike = all(map(np.array_equal, targets[0], targets[1]))
    if not alike or all(map(np.array_equal, one, other)):
        return False
    kinds = [correspondence(x, y).kind for x, y in zip(one, other, strict=True)]
    return {*kinds} <= {*_ANOTHER_FORM, "equal"} and {*kinds} != {"equal"}


def _inputs(live: Live) -> list[np.ndarray]:
    """Inputs of the probe, an array per leaf; [] where batches were padded to their longest.

    The first batches stand for all: a form is seen in few samples.
    """
    batches, _ = probe_of(live) or ([], None)
    columns = list(zip(*batches[: PROBE_SAMPLES // _BATCH], strict=True))
    if any(len({np.shape(part)[1:] for part in column}) > 1 for column in columns):
        return []
    return [np.concatenate([np.asarray(part) for part in column]) for column in columns]


def targets_of(live: Live) -> list[np.ndarray]:
    """What the model should predict on the probe, an array per leaf of y; [] if there is none."""
    if probe_of(live) is None:
        return []
    batches, structure = _batches(live)
    if not isinstance(structure, tuple) or len(structure) < 2 or structure[1] is None:
        return []
    start = len(leaves_of(structure[0]))
    stop = start + len(leaves_of(structure[1]))
    columns = list(zip(*(leaves[start:stop] for leaves in batches), strict=True))
    shapes = [{np.shape(part)[1:] for part in column} for column in columns]
    missing = any(part is None for column in columns for part in column)
    if missing or any(len(found) > 1 for found in shapes):
        return []  # nothing to compare with, or batches padded to their longest
    return [np.concatenate([np.asarray(part) for part in column]) for column in columns]


def pictures_of(live: Live, positions: Sequence[int]) -> dict[int, np.ndarray]:
    """Examples of the probe as images, by position; {} where the inputs are not one image each."""
    probe = probe_of(live)
    if probe is None or len(leaves_of(probe[1])) != 1:
        return {}
    found, start = {}, 0
    for (leaf,) in probe[0]:
        for position in (p for p in positions if start <= p < start + len(leaf)):
            image = picture(np.asarray(leaf[position - start]))
            if image is not None:
                found[position] = image
        start += len(leaf)
    return found


def _batches(live: Live) -> Probe:
    material = live.material
    if material.validation:
        return material.validation, material.validation_structure
    samples = material.samples
    if samples.unit == "batch":
        batches = [samples.batch(np.array([i])) for i in range(min(8, len(samples)))]
    else:
        count = min(PROBE_SAMPLES, len(samples))
        batches = [
            samples.batch(np.arange(start, min(start + _BATCH, count)))
            for start in range(0, count, _BATCH)
        ]
    return batches, samples.structure


def streams(live: Live, drawing: Drawing, replica: Replica) -> dict[str, str]:
    """A digest by source of what the seeds of ``replica`` decide, as training would be given it."""
    seeds = dict(replica.seeds)
    content, rounding = (seeds.pop(source, None) for source in ("data-content", "arithmetic"))
    drawn = drawing.draw(Replica(replica.number, seeds))
    found = {
        "initialization": _digest(drawn.weights),
        "noise": _digest(
            [*drawn.noise, *([] if drawn.random_state is None else [drawn.random_state])]
        ),
        "data-order": _digest(drawn.order),
    }
    if replica.division:
        found["data-content"] = _digest(drawing.pool.divide(replica))
    elif content is not None:
        found["data-content"] = _digest(
            orders.resampled(live, orders.recorded_order(live), content)
        )
    if rounding is not None:
        recorded = live.material.weights
        found["arithmetic"] = _digest(drawing.rounded(recorded, {"arithmetic": rounding}))
    return found


def _digest(arrays: Any) -> str:
    whole = "".join(tensor_digest(np.asarray(a)) for a in arrays)
    return tensor_digest(np.frombuffer(bytes.fromhex(whole), np.uint8))
