"""Convolutions and poolings in forms that suit a loop over many replicas.

Inside a loop XLA computes a convolution on the CPU several times slower than outside, and a
replica axis turns it into a grouped one, which is slower still. As shifted slices and one matrix
product it stays fast. The same goes for the gradient of pooling. Which form is used for a model
is decided by timing both (``engine.best_program``); both give Keras's own result to rounding.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from whydiff.keras_backend.internals import jax_operations, layer_tree, to_tensor
from whydiff.keras_backend.patches import for_a_while

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


# --- convolutions as shifted slices and a matrix product --------------------------------------


def conv_of(native: Callable[..., Any]) -> Callable[..., Any]:
    """``keras.ops.conv`` on JAX; ``native`` computes what does not suit slices."""
    return _convolution_of(native, _product, lambda x, kernel: x.shape[-1] == kernel.shape[-2])


def depthwise_conv_of(native: Callable[..., Any]) -> Callable[..., Any]:
    """``keras.ops.depthwise_conv`` on JAX; ``native`` computes what does not suit slices."""
    return _convolution_of(native, _channel_by_channel, lambda x, kernel: True)


def _convolution_of(
    native: Callable[..., Any],
    convolved: Callable[[Sequence[Any], Any], Any],
    fits: Callable[[Any, Any], bool],
) -> Callable[..., Any]:
    """``convolved`` takes the slices and the kernel that ``fits`` says it can take."""

    def convolution(
        inputs: Any,
        kernel: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: Any = None,
        dilation_rate: Any = 1,
    ) -> Any:
        convert_to_tensor = to_tensor("jax")
        count = inputs.ndim - 2
        window = tuple(kernel.shape[:count])
        if not suits(padding, data_format, window, fits(inputs, kernel)):
            return native(inputs, kernel, strides, padding, data_format, dilation_rate)
        kernel = convert_to_tensor(kernel)
        inputs = convert_to_tensor(inputs, dtype=kernel.dtype)
        steps, gaps = spatial(strides, count), spatial(dilation_rate, count)
        return convolved(slices(inputs, window, steps, gaps, padding, 0.0), kernel)

    return convolution


def _product(parts: Sequence[Any], kernel: Any) -> Any:
    from jax import numpy as jnp

    patches = jnp.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
    return jnp.matmul(
        patches.reshape(-1, patches.shape[-1]), kernel.reshape(-1, kernel.shape[-1])
    ).reshape(*patches.shape[:-1], kernel.shape[-1])


def _channel_by_channel(parts: Sequence[Any], kernel: Any) -> Any:
    weights = kernel.reshape(-1, *kernel.shape[-2:])  # (positions, channels, multiplier)
    whole: Any = sum(part[..., None] * weights[k] for k, part in enumerate(parts))
    return whole.reshape(*whole.shape[:-2], -1)


# --- poolings as slices -----------------------------------------------------------------------
# Where windows do not overlap, gradients are written out by tiles: left to differentiation, a slice
# becomes a padding, and a sum of paddings asks of every element, for each of them, whether it is
# inside - a quarter of a convolutional net's training step.


#: A window of more positions than this would be as many slices.
MOST_POSITIONS = 64


def spatial(value: Any, count: int) -> tuple[int, ...]:
    return (value,) * count if isinstance(value, int) else tuple(value)


def suits(padding: Any, data_format: Any, window: Sequence[int], *more: bool) -> bool:
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
        if not suits(padding, data_format, window, floating):
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
