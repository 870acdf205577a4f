"""Where the mask of a model ends although layers behind would use it."""

from __future__ import annotations

import inspect
from typing import Any

from whydiff.keras_backend.internals import graph_nodes, is_layer
from whydiff.keras_backend.naming import Names


def masks_end_at(model: Any, names: Names) -> list[str]:
    """Layers that get a mask and do not pass it on, with a layer behind them that takes one.

    Only for models whose graph is known: sequential and functional ones.
    """
    nodes = [node for node in graph_nodes(model) if is_layer(node.operation)]
    masked: set[int] = set()
    ends: list[tuple[int, str]] = []
    for number, node in enumerate(nodes):
        layer = node.operation
        incoming = any(id(t) in masked for t in node.inputs)
        makes = type(layer).__name__ == "Masking" or bool(getattr(layer, "mask_zero", False))
        if makes or (incoming and layer.supports_masking):
            masked |= {id(t) for t in node.outputs if _has_steps(t)}
        elif incoming:
            ends.append((number, names.layer(layer)))
    last = max((i for i, node in enumerate(nodes) if _takes_mask(node.operation)), default=-1)
    return [name for number, name in ends if number < last]


def _has_steps(tensor: Any) -> bool:
    """Whether a tensor still has an axis of steps: a mask says which of them count."""
    return len(tensor.shape) > 1 and not (len(tensor.shape) == 2 and tensor.shape[1] is not None)


def _takes_mask(layer: Any) -> bool:
    try:
        return "mask" in inspect.signature(layer.call).parameters
    except (TypeError, ValueError):
        return False
