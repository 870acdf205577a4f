"""A saved model as plain data: what its file holds, and why it cannot be loaded, if so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class SavedModel:
    """What a ``.keras`` or ``.weights.h5`` file holds, or one of the older format, ``.h5``.

    ``config`` is the model's own configuration and ``compiled`` that of ``compile``, both {} in a
    file of weights. ``tensors`` are all arrays by their path in the file, ``layers/dense/vars/0``,
    those of the optimizer below ``optimizer/``. ``refused`` says why the model is not loaded, ""
    if it may be.
    """

    path: str
    config: Mapping[str, Any] = field(default_factory=dict)
    compiled: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, np.ndarray] = field(default_factory=dict)
    keras: str = ""  # the version that saved it
    refused: str = ""
