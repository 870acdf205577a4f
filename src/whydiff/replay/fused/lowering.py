"""Convolutions and poolings in forms that suit a loop over many replicas.

Inside a loop XLA computes a convolution on the CPU several times slower than outside, and a
replica axis turns it into a grouped one, which is slower still. As shifted slices and one matrix
product it stays fast. The same goes for the gradient of pooling. Which form is used for a model
is decided by timing both (``engine.best_program``); both give Keras's own result to rounding.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from whydiff.keras_backend.internals import jax_operations, layer_tree, to_tensor
from whydiff.keras_backend.patches import for_a_while
from whydiff.replay.fused.pooling import average_pool_of, max_pool_of
from whydiff.replay.fused.windows import slices, spatial, suits

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
        if not suits(inputs, padding, data_format, window, fits(inputs, kernel)):
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
