"""``python hand_written.py REPLICAS``: the fused loop against JAX written by hand for that net.

Both train seed.md's Dense(128) net for one epoch of 1,000 samples, 32 at a time, with Adam,
loss and accuracy, from the same kind of state; runs alternate. Prints the two best times in ms
and the median ratio of neighbouring runs.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import nets
import numpy as np
from in_process import capture

from whydiff.core.replicas import Replica
from whydiff.replay.fused.engine import Fused
from whydiff.replay.fused.feeding import stacked_orders
from whydiff.replay.fused.stacking import Stacking
from whydiff.replay.replicas import Replicas

RUNS = 15


def hand_written(x, y):
    """One epoch as somebody who knows JAX would write it."""

    def loss_of(weights, batch, labels):
        hidden = jax.nn.relu(batch @ weights["w1"] + weights["b1"])
        logits = (hidden @ weights["w2"] + weights["b2"])[:, 0]
        p = jnp.clip(jax.nn.sigmoid(logits), 1e-7, 1 - 1e-7)
        losses = -(labels * jnp.log(p) + (1 - labels) * jnp.log(1 - p))
        return losses.mean(), ((p > 0.5) == (labels > 0.5)).sum()

    def step(carry, indices):
        weights, m, v, count, total, right = carry
        batch, labels = x[indices], y[indices]
        (loss, hits), grads = jax.value_and_grad(loss_of, has_aux=True)(weights, batch, labels)
        count = count + 1
        rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        m = jax.tree.map(lambda a, g: a + (g - a) * 0.1, m, grads)
        v = jax.tree.map(lambda a, g: a + (g * g - a) * 0.001, v, grads)
        weights = jax.tree.map(lambda w, a, b: w - rate * a / (jnp.sqrt(b) + 1e-7), weights, m, v)
        size = indices.shape[0]
        return (weights, m, v, count, total + loss * size, right + hits), None

    def replica(state, orders):
        carry = (*state, 0.0, 0)
        for order in orders:
            carry, _ = jax.lax.scan(step, carry, order)
        return carry[:4], (carry[4] / len(x), carry[5] / len(x))

    return jax.jit(jax.vmap(replica), donate_argnums=0)


def start(count):
    keys = jax.random.split(jax.random.key(0), count)

    def one(key):
        first, second = jax.random.split(key)
        weights = {
            "w1": jax.random.uniform(first, (10, 128), minval=-0.2, maxval=0.2),
            "b1": jnp.zeros(128),
            "w2": jax.random.uniform(second, (128, 1), minval=-0.2, maxval=0.2),
            "b2": jnp.zeros(1),
        }
        zeros = jax.tree.map(jnp.zeros_like, weights)
        return weights, zeros, jax.tree.map(jnp.zeros_like, weights), jnp.float32(0)

    return jax.jit(jax.vmap(one))(keys)


def main() -> None:
    count = int(sys.argv[1])
    live = capture(lambda: nets.run("dense", 1))
    solo = Replicas(live)
    fused = Fused(solo)
    replicas = [Replica(i, {"initialization": i, "data-order": i}) for i in range(count)]
    list(fused.train(replicas, False))
    stacking = Stacking(solo, fused.program)
    fed = [solo.drawing.feeding(r) for r in replicas]
    orders = stacked_orders([order[0] for order, _ in fed], fed[0][1][0])
    x, y = (jnp.asarray(leaf) for leaf in live.material.samples.leaves)
    by_hand = hand_written(x, y.astype("float32"))
    sides = {
        "hand-written": (lambda s: by_hand(s, orders)[0], start(count)),
        "fused": (
            lambda s: fused.program.epoch(s, fused.fed(Replica(0)).samples, orders)[0],
            stacking.state(replicas),
        ),
    }
    times = {name: [] for name in sides}
    states = {name: jax.block_until_ready(state) for name, (_, state) in sides.items()}
    for run in range(RUNS + 2):
        for name, (function, _) in sides.items():
            begun = time.perf_counter()
            states[name] = jax.block_until_ready(function(states[name]))
            if run >= 2:
                times[name].append(time.perf_counter() - begun)
    ratio = statistics.median(
        f / h for f, h in zip(times["fused"], times["hand-written"], strict=True)
    )
    best = {name: 1000 * min(values) for name, values in times.items()}
    print(f"{best['fused']:.1f} {best['hand-written']:.1f} {ratio:.3f}")
    assert np.isfinite(best["fused"])


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
