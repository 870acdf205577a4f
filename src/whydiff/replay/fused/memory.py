"""How many replicas fit into memory, and how many train fastest together."""

from __future__ import annotations

import numpy as np

from whydiff.core.live import Live
from whydiff.core.machine import available_memory
from whydiff.keras_backend.internals import layer_tree

#: More replicas than this in one program gain nothing more.
MOST = 512
#: On a CPU a program is fastest while what a step touches stays in the cache: measured with
#: ``benchmarks/chunks.py``, the same from 1 to 16 MiB, 1.7 times as long at 32.
CACHE_BYTES = 8 << 20
#: Share of the free memory that a program may use.
SHARE = 0.5


def free_memory() -> int:
    """Bytes that can be had on the device."""
    import jax

    device = jax.devices()[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats:
        return int(stats["bytes_limit"] - stats["bytes_in_use"])
    return available_memory() or 2 << 30


def chunk_size(live: Live, batch: int) -> tuple[int, int]:
    """(replicas that fit into memory, replicas to train in one program), estimated."""
    samples = live.material.samples
    row = sum(int(np.asarray(leaf[0]).nbytes) for leaf in samples.leaves or () if leaf is not None)
    material = live.material
    values = [*material.weights, *material.noise, *material.state]
    need = 4 * sum(int(value.nbytes) for value in values) + 3 * batch * (
        row + activation_bytes(live)
    )
    capacity = max(1, int(free_memory() * SHARE / max(need, 1)))
    cached = max(1, CACHE_BYTES // max(need, 1)) if on_cpu() else MOST
    return capacity, min(capacity, MOST, cached)


def on_cpu() -> bool:
    import jax

    return bool(jax.devices()[0].platform == "cpu")


def activation_bytes(live: Live) -> int:
    """Bytes that one sample leaves behind in the layers of the model, roughly."""
    total = 0
    for layer in layer_tree(live.model):
        try:
            shape = layer.output.shape
        except Exception:  # a layer outside a graph: its inputs are not known
            continue
        total += 4 * int(np.prod([d or 1 for d in shape]))
    return total or 1 << 16
