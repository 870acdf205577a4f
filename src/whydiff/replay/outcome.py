"""What a training ended with, and the probe on which two endings are compared."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from whydiff.core.live import Live
from whydiff.replay.pinned import fixed
from whydiff.replay.values import Choice, side

#: A probe holds at most this many samples where there are no validation data.
PROBE_SAMPLES = 1000

#: (batches, structure) of the inputs that predictions are compared on.
Probe = tuple[list[list[Any]], Any]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a training ended with: weights by canonical path, predictions on the probe, logs."""

    weights: dict[str, np.ndarray]
    predictions: list[np.ndarray] | None
    logs: list[dict[str, float]]


def probe_batches(live: Live) -> Probe | None:
    """Whole batches, targets included: validation data, else the first 1,000 training samples.

    None where neither were kept.
    """
    material = live.material
    if material.validation:
        return material.validation, material.validation_structure
    samples = material.samples
    if samples.leaves is None:
        return None
    if samples.unit == "batch":
        batches = [samples.batch(np.array([i])) for i in range(min(8, len(samples)))]
    else:
        count = min(PROBE_SAMPLES, len(samples))
        batches = [
            samples.batch(np.arange(start, min(start + 250, count)))
            for start in range(0, count, 250)
        ]
    return batches, samples.structure


def probe_of(live: Live) -> Probe | None:
    """The inputs of :func:`probe_batches`, None where there are none."""
    whole = probe_batches(live)
    if whole is None:
        return None
    batches, structure = whole
    inputs = structure[0] if isinstance(structure, tuple) else structure
    width = len(keras.tree.flatten(inputs))
    return [leaves[:width] for leaves in batches], (inputs,)


def predict(model: Any, probe: Probe | None) -> list[np.ndarray] | None:
    """Predictions on the probe, or None where this model cannot take its inputs."""
    if probe is None:
        return None
    try:
        with quiet():
            outputs = keras.Model.predict(model, fixed(*probe), verbose=0)
    except Exception:
        return None
    return [np.asarray(part) for part in keras.tree.flatten(outputs)]


def generator_of(lives: Mapping[str, Live], choice: Choice) -> Live:
    """Whose states the backend's global generator is set to: the noise's side, if it has any.

    It may have none where that side was trained on a backend without such a generator.
    """
    chosen = side(choice, "noise")
    other = lives["b" if chosen == "a" else "a"]
    return lives[chosen] if lives[chosen].material.random_states else other


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Callbacks of the script print; that belongs to the script's own run, not to a replay."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
