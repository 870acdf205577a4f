"""What replicas cost on the device that JAX finds: a table to put beside that of the CPU.

    python accelerator.py [dense conv lstm transformer] [--replicas 256]

Needs Keras, JAX for that device and whydiff; no network, no data. Each net trains in a process of
its own. Printed are the seconds from the start of Python to the last replica (importing, the
script's own run and compiling included), those for as many again, and the most memory of the
device, or of the process where JAX does not say.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time

NETS = ("dense", "conv", "lstm", "transformer")


def row(name: str, count: int, started: float) -> str:
    import jax
    import nets
    from in_process import capture

    from whydiff.core.replicas import ASKED_FOR, Replica
    from whydiff.replay.fused import engine
    from whydiff.replay.replicas import Replicas

    solo = Replicas(capture(lambda: nets.run(name, 1)))
    sources = [s for s in solo.redrawable()[0] if s not in ASKED_FOR]

    def train(first: int) -> None:
        replicas = [Replica(i, dict.fromkeys(sources, first + i)) for i in range(count)]
        results = list(engine.Fused(solo).train(replicas, True))
        assert all(r.engine == "fused" and not r.failure for r in results)

    train(0)
    whole, begun = time.time() - started, time.time()
    train(10**6)
    again = time.time() - begun
    device = jax.local_devices()[0]
    stats = device.memory_stats() or {}
    process = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = stats.get("peak_bytes_in_use", process) / 2**20
    return (
        f"| {name}, {device.device_kind} | {count} | {whole:.1f} | {again:.2f} "
        f"| {count / again:.0f} | {peak:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", default=list(NETS))
    parser.add_argument("--replicas", type=int, default=256)
    parser.add_argument("--started", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.started is not None:
        print(row(options.nets[0], options.replicas, options.started))
        return
    print(
        "| training | replicas | s to the last of them | s for as many again | replicas a second "
        "| memory, MiB |\n|---|---|---|---|---|---|",
        flush=True,
    )
    for name in options.nets:
        asked = [name, "--replicas", str(options.replicas), "--started", str(time.time())]
        environment = {**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}
        subprocess.run([sys.executable, __file__, *asked], env=environment, check=True)


if __name__ == "__main__":
    main()
