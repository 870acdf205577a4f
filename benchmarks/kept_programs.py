"""``python kept_programs.py dense|conv|lstm|transformer``: what a second study of a script saves.

Trains eight replicas in a process of their own, twice, with an empty cache folder in the beginning.
Prints seconds and processor seconds from the end of the script's own run to the last replica, and
whether both ended in the same weights.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

REPLICAS = 8


def train(name: str) -> str:
    """Seconds, processor seconds, a digest of all final weights."""
    os.environ["KERAS_BACKEND"] = "jax"
    import nets
    from in_process import capture

    from whydiff.core.digests import group_digest
    from whydiff.core.replicas import ASKED_FOR, Replica
    from whydiff.replay.fused import engine
    from whydiff.replay.replicas import Replicas

    live = capture(lambda: nets.run(name, 1))
    begun = time.perf_counter(), time.process_time()
    solo = Replicas(live)
    sources = [s for s in solo.redrawable()[0] if s not in ASKED_FOR]
    replicas = [Replica(i, dict.fromkeys(sources, i)) for i in range(REPLICAS)]
    results = list(engine.Fused(solo).train(replicas, True))
    spent = time.perf_counter() - begun[0], time.process_time() - begun[1]
    weights = group_digest(w for r in results for w in (r.weights or {}).values())
    return f"{spent[0]:.1f} {spent[1]:.1f} {weights:016x}"


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(train(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as cache:
            lines = [
                subprocess.run(
                    [sys.executable, __file__, sys.argv[1], "alone"],
                    env=os.environ | {"XDG_CACHE_HOME": cache},
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout.split()[-3:]
                for _ in range(2)
            ]
        (wall, processor, bits), (wall2, processor2, bits2) = lines
        same = "the same weights" if bits == bits2 else "OTHER WEIGHTS"
        print(f"{sys.argv[1]}: first study {wall} s ({processor} processor seconds), "
              f"second {wall2} s ({processor2}), {same}")  # fmt: skip
