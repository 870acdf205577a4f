"""Convolutions and poolings in forms that suit a loop over many replicas.

Inside a loop XLA computes a convolution on the CPU several times slower than outside, and a
replica axis turns it into a grouped one, which is slower still. As shifted slices and one matrix
product it stays fast. The same goes for the gradient of pooling. Which form is used for a model
is decided by timing both (``choosing``); both give Keras's own result to rounding.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from whydiff.keras_backend.internals import jax_operations, layer_tree
from whydiff.keras_backend.patches import for_a_while
from whydiff.replay.fused.convolving import conv_of, depthwise_conv_of
from whydiff.replay.fused.pooling import average_pool_of, max_pool_of

NATIVE, SLICES = "native", "slices"


@contextlib.contextmanager
def lowered(name: str) -> Iterator[None]:
    """Keras's backend operations in the lowering ``name`` while something is traced."""
    if name == NATIVE:
        yield
        return
    nn = jax_operations()
    ours = {
        "conv": conv_of(nn.conv),
        "depthwise_conv": depthwise_conv_of(nn.depthwise_conv),
        "max_pool": max_pool_of(nn.max_pool),
        "average_pool": average_pool_of(nn.average_pool),
    }
    with for_a_while() as patches:
        for key, function in ours.items():
            patches.replace(nn, key, function)
        yield


def has_windows(model: Any) -> bool:
    """Whether a model convolves or pools by windows, so that a lowering makes a difference."""
    names = [type(layer).__name__ for layer in layer_tree(model)]
    return any(
        "Conv" in name or ("Pooling" in name and not name.startswith("Global")) for name in names
    )
