"""How many replicas fit into memory, and how many train fastest together."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from whydiff.core.live import Live

#: More replicas than this in one program gain nothing more.
MOST = 256
#: Share of the free memory that a program may use.
SHARE = 0.5


def free_memory() -> int:
    """Bytes that can be had on the device."""
    import jax

    device = jax.devices()[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats:
        return int(stats["bytes_limit"] - stats["bytes_in_use"])
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 2 << 30


def chunk_size(state_bytes: int, live: Live, batch: int) -> tuple[int, int]:
    """(replicas that fit, replicas to train in one program)."""
    samples = live.material.samples
    row = sum(int(np.asarray(leaf[0]).nbytes) for leaf in samples.leaves or () if leaf is not None)
    need = 4 * state_bytes + 3 * batch * (row + activation_bytes(live))
    capacity = max(1, int(free_memory() * SHARE / max(need, 1)))
    return capacity, min(capacity, MOST)


def activation_bytes(live: Live) -> int:
    """Bytes that one sample leaves behind in the layers of the model, roughly."""
    total = 0
    for layer in live.model._flatten_layers():
        try:
            shape = layer.output.shape
        except Exception:  # a layer outside a graph: its inputs are not known
            continue
        total += 4 * int(np.prod([d or 1 for d in shape]))
    return total or 1 << 16
