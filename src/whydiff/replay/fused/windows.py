"""The windows of a convolution or a pooling as slices of what they cover."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

#: A window of more positions than this would be as many slices.
MOST_POSITIONS = 64


def spatial(value: Any, count: int) -> tuple[int, ...]:
    return (value,) * count if isinstance(value, int) else tuple(value)


def suits(inputs: Any, padding: Any, data_format: Any, window: Sequence[int], *more: bool) -> bool:
    import keras

    form = data_format or keras.config.image_data_format()
    return (
        form == "channels_last"
        and isinstance(padding, str)
        and padding.lower() in ("same", "valid")
        and math.prod(window) <= MOST_POSITIONS
        and all(more)
    )


def padded(
    inputs: Any, reach: Sequence[int], strides: Sequence[int], padding: str, fill: float
) -> Any:
    """The inputs with as much ``fill`` around them as ``padding`` asks for."""
    from jax import lax, numpy as jnp

    pads = lax.padtype_to_pads(inputs.shape[1:-1], reach, strides, padding.upper())
    if not any(low or high for low, high in pads):
        return inputs
    around = [(0, 0, 0), *((low, high, 0) for low, high in pads), (0, 0, 0)]
    return lax.pad(inputs, jnp.asarray(fill, inputs.dtype), around)


def slices(
    inputs: Any,
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    padding: str,
    fill: float,
) -> list[Any]:
    """Per position of the window what it covers: arrays of shape (batch, *output, channels)."""
    from jax import lax

    reach = [(size - 1) * step + 1 for size, step in zip(window, dilation, strict=True)]
    whole = padded(inputs, reach, strides, padding, fill)
    sizes = whole.shape[1:-1]
    outputs = [(n - r) // s + 1 for n, r, s in zip(sizes, reach, strides, strict=True)]
    found = []
    for position in itertools.product(*(range(size) for size in window)):
        start = [k * step for k, step in zip(position, dilation, strict=True)]
        stop = [a + (n - 1) * s + 1 for a, n, s in zip(start, outputs, strides, strict=True)]
        found.append(
            lax.slice(
                whole,
                (0, *start, 0),
                (whole.shape[0], *stop, whole.shape[-1]),
                (1, *strides, 1),
            )
        )
    return found
