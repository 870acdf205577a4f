"""Poolings as slices.

Where windows do not overlap, gradients are written out by tiles: left to differentiation, a slice
becomes a padding, and a sum of paddings asks of every element, for each of them, whether it is
inside - a quarter of a convolutional net's training step.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from whydiff.replay.fused.windows import padded, slices, spatial, suits

Window = tuple[int, ...]


def max_pool_of(native: Callable[..., Any]) -> Callable[..., Any]:
    """``keras.ops.max_pool`` on JAX; ``native`` computes what does not suit slices."""
    return _pool_of(native, _maximum)


def average_pool_of(native: Callable[..., Any]) -> Callable[..., Any]:
    """``keras.ops.average_pool`` on JAX; ``native`` computes what does not suit slices."""
    return _pool_of(native, _average)


def _pool_of(native: Callable[..., Any], pooled: Callable[..., Any]) -> Callable[..., Any]:
    def pool(
        inputs: Any,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: Any = None,
    ) -> Any:
        from jax import numpy as jnp

        count = inputs.ndim - 2
        window = spatial(pool_size, count)
        floating = jnp.issubdtype(inputs.dtype, jnp.floating)
        if not suits(inputs, padding, data_format, window, floating):
            return native(inputs, pool_size, strides, padding, data_format)
        steps = window if strides is None else spatial(strides, count)
        return pooled(inputs, window, steps, padding)

    return pool


def _maximum(inputs: Any, window: Window, steps: Window, padding: str) -> Any:
    if steps == window:
        return _tile_maximum()(_tiles(inputs, window, padding, -math.inf), window)
    return _largest(slices(inputs, window, steps, (1,) * len(window), padding, -math.inf))[0]


def _average(inputs: Any, window: Window, steps: Window, padding: str) -> Any:
    from jax import numpy as jnp

    def total(values: Any) -> Any:
        if steps == window:
            return _tile_sum()(_tiles(values, window, padding, 0.0), window)
        return sum(slices(values, window, steps, (1,) * len(window), padding, 0.0))

    if padding == "valid":
        return total(inputs) / math.prod(window)
    return total(inputs) / total(jnp.ones((1, *inputs.shape[1:-1], 1), inputs.dtype))


def _largest(parts: Sequence[Any]) -> tuple[Any, Any]:
    """The largest of the parts, and which it was: the first of equal ones, as in XLA's own."""
    from jax import numpy as jnp

    largest, which = parts[0], jnp.zeros(parts[0].shape, jnp.int8)
    for number, part in enumerate(parts[1:], 1):
        larger = part > largest
        largest, which = jnp.where(larger, part, largest), jnp.where(larger, number, which)
    return largest, which.astype(jnp.int8)


def _tiles(inputs: Any, window: Window, padding: str, fill: float) -> Any:
    """The inputs padded and cut to whole windows, which lie side by side."""
    whole = padded(inputs, window, window, padding, fill)
    sizes = zip(whole.shape[1:-1], window, strict=True)
    return whole[(slice(None), *(slice(n // w * w) for n, w in sizes))]


def _spread(values: Any, window: Window) -> Any:
    """An axis for the positions of a tile behind each spatial one."""
    from jax import numpy as jnp

    return jnp.expand_dims(values, [2 * axis + 2 for axis in range(len(window))])


def _joined(spread: Any) -> Any:
    """Tiles of shape (batch, tiles, position, ..., channels) as (batch, size, ..., channels)."""
    shape = spread.shape
    sizes = [shape[i] * shape[i + 1] for i in range(1, len(shape) - 1, 2)]
    return spread.reshape(shape[0], *sizes, shape[-1])


@functools.cache
def _tile_maximum() -> Any:
    import jax
    from jax import numpy as jnp

    @functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
    def maximum(inputs: Any, window: Window) -> Any:
        return forward(inputs, window)[0]

    def forward(inputs: Any, window: Window) -> tuple[Any, Any]:
        return _largest(slices(inputs, window, window, (1,) * len(window), "valid", 0.0))

    def backward(window: Window, which: Any, gradient: Any) -> tuple[Any]:
        by_axis = [n for size in window for n in (1, size)]
        positions = jnp.arange(math.prod(window), dtype=jnp.int8).reshape(*by_axis, 1)
        here = _spread(which, window) == positions
        return (_joined(jnp.where(here, _spread(gradient, window), 0)),)

    maximum.defvjp(forward, backward)
    return maximum


@functools.cache
def _tile_sum() -> Any:
    import jax
    from jax import numpy as jnp

    @functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
    def total(inputs: Any, window: Window) -> Any:
        return sum(slices(inputs, window, window, (1,) * len(window), "valid", 0.0))

    def forward(inputs: Any, window: Window) -> tuple[Any, None]:
        return total(inputs, window), None

    def backward(window: Window, _: None, gradient: Any) -> tuple[Any]:
        shape = [n for pair in zip(gradient.shape[1:-1], window, strict=True) for n in pair]
        spread = _spread(gradient, window)
        return (_joined(jnp.broadcast_to(spread, (len(gradient), *shape, gradient.shape[-1]))),)

    total.defvjp(forward, backward)
    return total
