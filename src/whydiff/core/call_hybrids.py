"""Hybrids of two measuring calls as data: whose field belongs to which source, what they gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class CallFields:
    """Which field of the calls belongs to which source.

    ``tensors``: pairs of positions (in A's weights, in B's) by source. ``structure``: sources that
    come with the whole model of a side, and so together. ``held``: names of recorded values that
    are no variables, by source. ``policies``: whether dtype policies are set layer by layer.
    ``separate``: of the order and the batches those that can be taken without the samples.
    ``compiled``: loss and metrics come with the measurement; ``weighted``: so do sample weights.
    ``tied``: sources that are swapped together, the one that stands for them first.
    """

    tensors: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    structure: tuple[str, ...] = ()
    held: Mapping[str, Sequence[str]] = field(default_factory=dict)
    policies: bool = False
    compiled: bool = False
    separate: tuple[str, ...] = ()
    weighted: bool = False
    tied: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a call or a hybrid gave: outputs in their order, metrics by name."""

    outputs: tuple[np.ndarray, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)

    def equals(self, other: Measurement) -> bool:
        """Whether both hold the same bits."""
        same = len(self.outputs) == len(other.outputs) and dict(self.values) == dict(other.values)
        return same and all(
            x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
            for x, y in zip(self.outputs, other.outputs, strict=True)
        )


@dataclass(frozen=True, eq=False)
class LayerCall:
    """What a layer of a model was given and answered, for a process with another model.

    ``settings`` are its plain attributes; ``functions`` are by attribute the name of a function
    that it computes with and what this gives on :data:`PROBED` (an activation).
    """

    layer: str
    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]
    settings: Mapping[str, bool | int | float | str | None]
    functions: Mapping[str, tuple[str, np.ndarray]]


#: Numbers on which the functions of layers are compared.
PROBED = np.linspace(-6, 6, 49, dtype=np.float32)


@dataclass(frozen=True)
class LayerSetting:
    """A setting of a layer that makes it answer otherwise. ``proven``: swapped in, the answer is
    that of the other."""

    layer: str
    kind: str
    name: str
    a: str
    b: str
    proven: bool


@dataclass(frozen=True)
class LayerDifference:
    """The first layer whose outputs differ although its inputs agree; "" where none does."""

    layer: str = ""
    kind: str = ""
    relative: float | None = None
    settings: tuple[LayerSetting, ...] = ()
