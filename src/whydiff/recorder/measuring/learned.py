"""What a preprocessing layer learned by ``adapt``, as plain values."""

from __future__ import annotations

from typing import Any

import numpy as np

from whydiff.keras_backend import adapter
from whydiff.keras_backend.code import is_users
from whydiff.keras_backend.internals import is_tensor

#: Statistics of more numbers, and vocabularies of more words, are not kept.
_MOST = 5000


def learned_by(layer: Any) -> dict[str, Any]:
    """The statistics or the vocabulary of a layer that was adapted; {} of one that computes with
    anything else, or with more than is kept."""
    if is_users(type(layer)):
        return {}
    mean, variance = (getattr(layer, name, None) for name in ("mean", "variance"))
    if is_tensor(mean) and is_tensor(variance):
        values = [np.array(adapter().to_numpy(value)) for value in (mean, variance)]
        if values[0].size > _MOST or values[0].shape != values[1].shape:
            return {}
        return {
            "mean": values[0].ravel().tolist(),
            "variance": values[1].ravel().tolist(),
            "shape": list(values[0].shape),
            "invert": bool(getattr(layer, "invert", False)),
        }
    read = getattr(layer, "get_vocabulary", None)
    config = {} if read is None else layer.get_config()
    if read is None or config.get("output_mode") != "int" or config.get("invert"):
        return {}
    words = [str(word) for word in read()]
    return {"vocabulary": words} if len(words) <= _MOST else {}
