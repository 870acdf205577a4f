"""Convolutions as shifted slices and a matrix product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from whydiff.replay.fused.windows import slices, spatial, suits


def conv_of(native: Callable[..., Any]) -> Callable[..., Any]:
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
        if not suits(inputs, padding, data_format, window, ungrouped):
            return native(inputs, kernel, strides, padding, data_format, dilation_rate)
        kernel = convert_to_tensor(kernel)
        inputs = convert_to_tensor(inputs, dtype=kernel.dtype)
        steps, gaps = spatial(strides, count), spatial(dilation_rate, count)
        parts = slices(inputs, window, steps, gaps, padding, 0.0)
        patches = jnp.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
        return jnp.matmul(
            patches.reshape(-1, patches.shape[-1]), kernel.reshape(-1, kernel.shape[-1])
        ).reshape(*patches.shape[:-1], kernel.shape[-1])

    return conv


def depthwise_conv_of(native: Callable[..., Any]) -> Callable[..., Any]:
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
        if not suits(inputs, padding, data_format, window):
            return native(inputs, kernel, strides, padding, data_format, dilation_rate)
        inputs, kernel = convert_to_tensor(inputs), convert_to_tensor(kernel)
        steps, gaps = spatial(strides, count), spatial(dilation_rate, count)
        parts = slices(inputs, window, steps, gaps, padding, 0.0)
        weights = kernel.reshape(-1, *kernel.shape[count:])  # (positions, channels, multiplier)
        whole = sum(part[..., None] * weights[k] for k, part in enumerate(parts))
        return whole.reshape(*whole.shape[:-2], -1)  # type: ignore[union-attr]

    return depthwise_conv
