"""Two saved models loaded, and one prediction of each: the program behind ``explain a.keras
b.keras``, watched as any script is."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def main() -> None:
    """Predict with the models of two files on the arrays of a third, or on a fixed probe."""
    path_a, path_b, inputs = sys.argv[1:4]
    import keras

    from whydiff.replay.calls.hybrids import probe_of

    models = [keras.saving.load_model(p, compile=False, safe_mode=True) for p in (path_a, path_b)]
    x: Any = _given(inputs) if inputs else probe_of(models[0])[0]
    for model in models:
        model.predict(x, verbose=0)


def _given(path: str) -> Any:
    """One array of ``.npy``, or those of ``.npz`` by the names of the model's inputs."""
    loaded = np.load(path, allow_pickle=False)
    return loaded if isinstance(loaded, np.ndarray) else dict(loaded)
