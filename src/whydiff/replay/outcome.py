"""What a training ended with."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from whydiff.core.live import Live
from whydiff.keras_backend.host_generators import host_kept
from whydiff.keras_backend.own_draws import generators_held
from whydiff.replay.probe import Probe
from whydiff.replay.values import Choice, side


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a training ended with: weights by canonical path, predictions on the probe, logs."""

    weights: dict[str, np.ndarray]
    predictions: list[np.ndarray] | None
    logs: list[dict[str, float]]
    moved: float = 0.0  # by how much an initial weight was nudged


def predict(model: Any, probe: Probe | None) -> list[np.ndarray] | None:
    """Predictions on the probe, or None where this model cannot take its inputs."""
    if probe is None:
        return None
    from whydiff.replay.pinned import fixed  # a data adapter of Keras 3; others import this file

    try:
        # A layer's code may draw, and differ by that alone.
        with quiet(), host_kept(0, generators_held(model)):
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
