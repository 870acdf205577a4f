"""What a person waits for: help, the first divergence of long recordings, an explained example.

    python benchmarks/commands.py [--repeats 5] [--explain]

Prints medians over repeats; the bytes that a step adds to a recording come along. ``--explain``
adds the wall time of `whydiff explain examples/shuffling.py`, once.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WHYDIFF = [sys.executable, "-c", "from whydiff.cli import main; main()"]
STEPS = 100_000


def seconds(*command: str) -> np.ndarray:
    """(wall, processor) time of a command with all that it starts."""
    wall, before = time.perf_counter(), os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    spent = after.children_user + after.children_system
    spent -= before.children_user + before.children_system
    return np.array([time.perf_counter() - wall, spent])


def long_recording(path: Path, differs_at: int, steps: int = STEPS) -> int:
    """A fit of so many steps, the weights other from one step on; bytes of the file."""
    from whydiff.core.recipe import Batching, Content, Order, Recipe
    from whydiff.storage import Writer

    content = Content(np.zeros((50, 2), np.uint64))
    recipe = Recipe((), Order(), (), content, Batching(), {}, {}, {}, {}, (), *[{}] * 7)
    digests = np.random.default_rng(0).integers(0, 2**63, (steps, 5))
    digests[differs_at:, 2] += 1
    writer = Writer(path, "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {})
    for n, row in enumerate(digests.tolist()):
        writer.step(1, n // 1000, row)
    writer.end_fit(1, recipe, (), 1.0, {})
    writer.close(0)
    return path.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--explain", action="store_true")
    args = parser.parse_args()
    from whydiff.api.diff import diff

    with tempfile.TemporaryDirectory() as folder:
        a, b, empty = (Path(folder) / f"{name}.whydiff" for name in ("a", "b", "empty"))
        base = long_recording(empty, 0, 0)
        print(f"bytes a step          {(long_recording(a, STEPS) - base) / STEPS:8.1f}")
        long_recording(b, STEPS - 1)
        times = []
        for _ in range(args.repeats):
            started = time.perf_counter(), time.process_time()
            point = diff(str(a), str(b)).first_divergence
            times.append((time.perf_counter() - started[0], time.process_time() - started[1]))
        assert point is not None
        assert (point.epoch, point.step) == divmod(STEPS - 1, 1000)
        wall, processor = np.median(times, axis=0)
        print(f"first divergence      {wall:8.3f} s of {STEPS} steps (processor {processor:.3f} s)")
    rows = [
        ("Python alone", [sys.executable, "-c", "pass"]),
        ("whydiff --help", [*WHYDIFF, "--help"]),
    ]
    for name, command in rows:
        wall, processor = np.median([seconds(*command) for _ in range(args.repeats)], axis=0)
        print(f"{name:21} {wall:8.3f} s (processor {processor:.3f} s)")
    if args.explain:
        example = Path(__file__).parent.parent / "examples" / "shuffling.py"
        wall, processor = seconds(*WHYDIFF, "explain", str(example))
        print(f"explain the shuffling {wall:8.1f} s (processor {processor:.1f} s)")


if __name__ == "__main__":
    main()
