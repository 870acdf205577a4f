"""Convolutions and poolings in forms that suit a loop over many replicas.

Inside a loop XLA computes a convolution on the CPU several times slower than outside, and a
replica axis turns it into a grouped one, which is slower still. As shifted slices and one matrix
product it stays fast. The same goes for the gradient of pooling. Which form is used for a model
is decided by timing both (``choosing``); both give Keras's own result to rounding.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

NATIVE, SLICES = "native", "slices"

#: A window of more positions than this would be as many slices.
MOST_POSITIONS = 64


@contextlib.contextmanager
def lowered(name: str) -> Iterator[None]:
    """Keras's backend operations in the lowering ``name`` while something is traced."""
    if name == NATIVE:
        yield
        return
    from keras.src.backend.jax import nn

    ours = {
        "conv": _conv(nn.conv),
        "depthwise_conv": _depthwise_conv(nn.depthwise_conv),
        "max_pool": _max_pool(nn.max_pool),
        "average_pool": _average_pool(nn.average_pool),
    }
    theirs = {key: getattr(nn, key) for key in ours}
    for key, function in ours.items():
        setattr(nn, key, function)
    try:
        yield
    finally:
        for key, function in theirs.items():
            setattr(nn, key, function)


def has_windows(model: Any) -> bool:
    """Whether a model convolves or pools by windows, so that a lowering makes a difference."""
    names = [type(layer).__name__ for layer in model._flatten_layers()]
    return any(
        "Conv" in name or ("Pooling" in name and not name.startswith("Global")) for name in names
    )


def _spatial(value: Any, count: int) -> tuple[int, ...]:
    return (value,) * count if isinstance(value, int) else tuple(value)


def _suits(inputs: Any, padding: Any, data_format: Any, window: Sequence[int], *more: bool) -> bool:
    import keras

    form = data_format or keras.config.image_data_format()
    return (
        form == "channels_last"
        and isinstance(padding, str)
        and padding.lower() in ("same", "valid")
        and math.prod(window) <= MOST_POSITIONS
        and all(more)
    )


def _slices(
    inputs: Any,
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    padding: str,
    fill: float,
) -> list[Any]:
    """Per position of the window what it covers: arrays of shape (batch, *output, channels)."""
    from jax import lax, numpy as jnp

    reach = [(size - 1) * step + 1 for size, step in zip(window, dilation, strict=True)]
    pads = lax.padtype_to_pads(inputs.shape[1:-1], reach, strides, padding.upper())
    padded = inputs
    if any(low or high for low, high in pads):
        padded = lax.pad(
            inputs,
            jnp.asarray(fill, inputs.dtype),
            [(0, 0, 0), *((low, high, 0) for low, high in pads), (0, 0, 0)],
        )
    sizes = padded.shape[1:-1]
    outputs = [(n - r) // s + 1 for n, r, s in zip(sizes, reach, strides, strict=True)]
    found = []
    for position in itertools.product(*(range(size) for size in window)):
        start = [k * step for k, step in zip(position, dilation, strict=True)]
        stop = [a + (n - 1) * s + 1 for a, n, s in zip(start, outputs, strides, strict=True)]
        found.append(
            lax.slice(
                padded,
                (0, *start, 0),
                (padded.shape[0], *stop, padded.shape[-1]),
                (1, *strides, 1),
            )
        )
    return found


def _conv(native: Callable[..., Any]) -> Callable[..., Any]:
    def conv(
        inputs: Any,
        kernel: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: Any = None,
        dilation_rate: Any = 1,
    ) -> Any:
        from jax import numpy as jnp
        from keras.src.backend.jax.core import convert_to_tensor

        count = inputs.ndim - 2
        window = tuple(kernel.shape[:count])
        ungrouped = inputs.shape[-1] == kernel.shape[-2]
        if not _suits(inputs, padding, data_format, window, ungrouped):
            return native(inputs, kernel, strides, padding, data_format, dilation_rate)
        kernel = convert_to_tensor(kernel)
        inputs = convert_to_tensor(inputs, dtype=kernel.dtype)
        steps, gaps = _spatial(strides, count), _spatial(dilation_rate, count)
        parts = _slices(inputs, window, steps, gaps, padding, 0.0)
        patches = jnp.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
        return jnp.matmul(
            patches.reshape(-1, patches.shape[-1]), kernel.reshape(-1, kernel.shape[-1])
        ).reshape(*patches.shape[:-1], kernel.shape[-1])

    return conv


def _depthwise_conv(native: Callable[..., Any]) -> Callable[..., Any]:
    def depthwise_conv(
        inputs: Any,
        kernel: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: Any = None,
        dilation_rate: Any = 1,
    ) -> Any:
        from keras.src.backend.jax.core import convert_to_tensor

        count = inputs.ndim - 2
        window = tuple(kernel.shape[:count])
        if not _suits(inputs, padding, data_format, window):
            return native(inputs, kernel, strides, padding, data_format, dilation_rate)
        inputs, kernel = convert_to_tensor(inputs), convert_to_tensor(kernel)
        steps, gaps = _spatial(strides, count), _spatial(dilation_rate, count)
        parts = _slices(inputs, window, steps, gaps, padding, 0.0)
        weights = kernel.reshape(-1, *kernel.shape[count:])  # (positions, channels, multiplier)
        whole = sum(part[..., None] * weights[k] for k, part in enumerate(parts))
        return whole.reshape(*whole.shape[:-2], -1)  # type: ignore[union-attr]

    return depthwise_conv


def _max_pool(native: Callable[..., Any]) -> Callable[..., Any]:
    def max_pool(
        inputs: Any,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: Any = None,
    ) -> Any:
        from jax import numpy as jnp

        count = inputs.ndim - 2
        window = _spatial(pool_size, count)
        floating = jnp.issubdtype(inputs.dtype, jnp.floating)
        if not _suits(inputs, padding, data_format, window, floating):
            return native(inputs, pool_size, strides, padding, data_format)
        steps = window if strides is None else _spatial(strides, count)
        parts = _slices(inputs, window, steps, (1,) * count, padding, -math.inf)
        whole = parts[0]
        for part in parts[1:]:  # the first of equal values gets the gradient, as in XLA's own
            whole = jnp.where(part > whole, part, whole)
        return whole

    return max_pool


def _average_pool(native: Callable[..., Any]) -> Callable[..., Any]:
    def average_pool(
        inputs: Any,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: Any = None,
    ) -> Any:
        from jax import numpy as jnp

        count = inputs.ndim - 2
        window = _spatial(pool_size, count)
        if not _suits(inputs, padding, data_format, window):
            return native(inputs, pool_size, strides, padding, data_format)
        steps = window if strides is None else _spatial(strides, count)
        gaps = (1,) * count
        whole = sum(_slices(inputs, window, steps, gaps, padding, 0.0))
        if padding == "valid":
            return whole / math.prod(window)
        ones = jnp.ones((1, *inputs.shape[1:-1], 1), inputs.dtype)
        return whole / sum(_slices(ones, window, steps, gaps, padding, 0.0))

    return average_pool
