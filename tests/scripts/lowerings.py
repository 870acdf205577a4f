"""Worst deviation of every lowering from Keras's own operation, values and gradients, as JSON."""

import itertools
import json
import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np

from whydiff.replay.fused.lowering import SLICES, lowered

rng = np.random.default_rng(0)


def compare(function, *arguments):
    """Largest difference of the value and of all gradients, relative to the largest number."""

    def both(*values):
        out = function(*values)
        weights = jnp.asarray(np.random.default_rng(1).normal(size=out.shape), out.dtype)
        return (out * weights).sum(), out

    def twice(*values):
        first = jax.grad(lambda *v: both(*v)[0])(*values)
        return (first**2).sum()

    @jax.jit  # compiled as a whole: one by one, the operations take a minute to compile
    def grad(*values):
        numbers = tuple(range(len(values)))
        return jax.grad(both, numbers, has_aux=True)(*values), jax.grad(twice, numbers)(*values)

    native = jax.tree.leaves(grad(*arguments))
    grad.clear_cache()
    with lowered(SLICES):
        ours = jax.tree.leaves(grad(*arguments))
    assert [a.shape for a in native] == [a.shape for a in ours]
    return max(
        float(jnp.abs(a - b).max() / jnp.maximum(1.0, jnp.abs(a).max()))
        for a, b in zip(native, ours, strict=True)
    )


def normal(*shape):
    return jnp.asarray(rng.normal(size=shape).astype("float32"))


found = {}
for padding, strides, dilation in [
    ("same", 1, 2),
    ("same", 2, 1),
    ("valid", 1, 1),
    ("valid", 2, 1),
]:
    name = f"{padding} strides {strides} dilation {dilation}"
    settings = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    found[f"conv2d {name}"] = compare(
        lambda x, k, s=settings: keras.ops.conv(x, k, **s), normal(2, 9, 7, 3), normal(3, 2, 3, 4)
    )
    found[f"depthwise {name}"] = compare(
        lambda x, k, s=settings: keras.ops.depthwise_conv(x, k, **s),
        normal(2, 9, 7, 3),
        normal(3, 3, 3, 2),
    )
found["conv1d"] = compare(keras.ops.conv, normal(2, 9, 3), normal(4, 3, 5))
found["grouped conv"] = compare(keras.ops.conv, normal(2, 9, 7, 4), normal(3, 3, 2, 6))
# Rounded numbers hold many ties: the gradient has to go where XLA's own goes.
tied = jnp.round(normal(3, 9, 7, 2))
for padding, size, strides in itertools.product(
    ("same", "valid"), ((2, 2), (3, 3), (2, 3)), ((1, 1), (2, 2), "size")
):
    settings = {"pool_size": size, "strides": size if strides == "size" else strides}
    settings["padding"] = padding
    for pool in (keras.ops.max_pool, keras.ops.average_pool):
        found[f"{pool.__name__} {settings}"] = compare(
            lambda x, p=pool, s=settings: p(x, **s), tied
        )
for pool in (keras.ops.max_pool, keras.ops.average_pool):
    found[f"{pool.__name__} 1d"] = compare(lambda x, p=pool: p(x, 3, 3), tied[:, 0])
    found[f"{pool.__name__} 3d"] = compare(lambda x, p=pool: p(x, 2, 2), normal(2, 5, 4, 6, 3))
    found[f"{pool.__name__} half"] = compare(lambda x, p=pool: p(x, 2, 2), tied.astype("bfloat16"))
print(json.dumps(found))
