"""``python operations.py NAME``: floating-point operations of one run of a net, and the time that
they take at the speed of large matrix products on this machine: no way of training is faster.

The operations are those that XLA counts in Keras's own training step.
"""

from __future__ import annotations

import os
import sys
import time

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import nets
import numpy as np

SIZE, RUNS = 2048, 10


def operations(name: str) -> float:
    model, fed = nets.NETS[name]()
    x, y, size = fed["x"], fed["y"], fed["batch_size"]
    batch = (jnp.asarray(x[:size]), jnp.asarray(y[:size]))
    model.train_on_batch(*batch)  # builds everything
    state = [
        [v.value for v in group]
        for group in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    ]
    step = jax.jit(model.train_step).lower(state, batch).compile()
    return float(step.cost_analysis()["flops"] * fed["epochs"] * len(x) / size)


def product_speed() -> float:
    """Operations a second of the fastest of some products of large matrices."""
    matrix = jnp.asarray(np.random.default_rng(0).normal(size=(SIZE, SIZE)), jnp.float32)
    product = jax.jit(jnp.matmul)
    product(matrix, matrix).block_until_ready()
    best = float("inf")
    for _ in range(RUNS):
        begun = time.perf_counter()
        product(matrix, matrix).block_until_ready()
        best = min(best, time.perf_counter() - begun)
    return 2 * SIZE**3 / best


if __name__ == "__main__":
    total, speed = operations(sys.argv[1]), product_speed()
    print(
        f"{total / 1e9:.3g} GFLOP a run, {speed / 1e9:.0f} GFLOP/s in products of {SIZE} x {SIZE}: "
        f"{1000 * total / speed:.0f} ms"
    )
