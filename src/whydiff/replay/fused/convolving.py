"""Convolutions as shifted slices and a matrix product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from whydiff.keras_backend.internals import to_tensor
from whydiff.replay.fused.windows import slices, spatial, suits


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
