"""``python chunks.py NAME SIZE...``: CPU and wall ms per replica trained in chunks of each size."""

from __future__ import annotations

import os
import sys
import time

os.environ["KERAS_BACKEND"] = "jax"

import nets
from in_process import capture

from whydiff.core.replicas import ASKED_FOR, Replica
from whydiff.replay.fused import engine
from whydiff.replay.replicas import Replicas


def main() -> None:
    live = capture(lambda: nets.run(sys.argv[1], 1))
    solo = Replicas(live)
    sources = [s for s in solo.redrawable()[0] if s not in ASKED_FOR]

    def replicas(count: int, first: int) -> list[Replica]:
        return [Replica(i, dict.fromkeys(sources, first + i)) for i in range(count)]

    for size in map(int, sys.argv[2:]):
        engine.chunk_size = lambda *_, size=size: (size, size)
        fused = engine.Fused(solo)
        list(fused.train(replicas(2 * size, 0), False))
        count = max(4 * size, 64)
        begun, cpu = time.perf_counter(), time.process_time()
        list(fused.train(replicas(count, 5000), False))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - begun
        lowering = fused.program.lowering
        print(f"{size} {1000 * cpu / count:.2f} {1000 * wall / count:.2f} {lowering}", flush=True)


if __name__ == "__main__":
    main()
