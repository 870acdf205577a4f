"""``taskset -c 0 python step_profile.py NAME``: what a training step of one replica spends time on.

The fused engine trains one replica while JAX's profiler watches XLA's operations; on one core
their times add up. Prints milliseconds a step, the largest first.
"""

from __future__ import annotations

import collections
import gzip
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import jax
import nets
from in_process import capture

from whydiff.core.replicas import ASKED_FOR, Replica
from whydiff.replay.fused import engine
from whydiff.replay.replicas import Replicas

LARGEST = 8
#: Replicas trained before, as many as it takes to have the lowering chosen by timing.
BEFORE = 8


def step_times(name: str) -> dict[str, float]:
    """Milliseconds a step by XLA operation, a number behind its name left out."""
    live = capture(lambda: nets.run(name, 1))
    solo = Replicas(live)
    sources = [s for s in solo.redrawable()[0] if s not in ASKED_FOR]
    engine.chunk_size = lambda *_: (1, 1)
    fused = engine.Fused(solo)
    for numbers in (range(BEFORE), range(BEFORE, BEFORE + 2)):
        list(fused.train([Replica(i, dict.fromkeys(sources, i)) for i in numbers], False))
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            list(fused.train([Replica(99, dict.fromkeys(sources, 99))], False))
        (path,) = Path(folder).rglob("*.trace.json.gz")
        events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    spent: collections.Counter[str] = collections.Counter()
    for event in events:
        told = event.get("args", {})
        kind = told.get("hlo_op", "while").rsplit(".", 1)[0]
        if event.get("ph") == "X" and told.get("hlo_module") == "jit_epoch" and kind != "while":
            spent[kind] += event["dur"] / 1e3
    steps = sum(len(sizes) for sizes in live.material.batches)
    return {kind: total / steps for kind, total in spent.most_common()}


if __name__ == "__main__":
    found = step_times(sys.argv[1])
    largest = list(found.items())[:LARGEST]
    rest = sum(found.values()) - sum(spent for _, spent in largest)
    for kind, spent in [*largest, ("everything else", rest), ("together", sum(found.values()))]:
        print(f"{kind:28} {spent:6.2f}")
