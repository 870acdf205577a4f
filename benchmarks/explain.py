"""Where the seconds of `whydiff explain` go, beside the plain run of the same script.

    python benchmarks/explain.py [SCRIPT ...] [--repeats 3] [-- OPTIONS OF EXPLAIN]

The plain script and `explain` run in turn. Prints the medians: wall and processor time of both,
their ratios, the largest process, and the wall time of each thing that `explain` says it does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

EXAMPLES = ("examples/shuffling.py", "examples/optimizer.py")

#: Runs in a process of its own, so that importing is part of what is measured.
EXPLAIN = """
import json, sys, time
began = float(sys.argv[1])
from whydiff.cli import main
from whydiff.report import progress
said = []
class Timed(progress.Progress):
    def step(self, text, total=None):
        said.append((time.time(), text))
        super().step(text, total)
progress.Progress = Timed
status = 0
try:
    main(["explain", *sys.argv[3:]], standalone_mode=False)
except SystemExit as error:
    status = error.code
said.append((time.time(), ""))
with open(sys.argv[2], "w") as file:
    json.dump([["start", said[0][0] - began]] +
              [[text, after - at] for (at, text), (after, _) in zip(said, said[1:])], file)
sys.exit(status)
"""


def run(command: list[str]) -> tuple[float, float, float]:
    """(wall s, processor s, MiB of the largest process) of a command with all that it starts."""
    before, wall = os.times(), time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - wall
    if status:
        sys.exit(f"{' '.join(command)} failed: run it by itself")
    after = os.times()
    spent = after.children_user + after.children_system
    spent -= before.children_user + before.children_system
    spent = max(spent, used.ru_utime + used.ru_stime)
    return wall, spent, used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scripts", nargs="*", default=EXAMPLES)
    parser.add_argument("--repeats", type=int, default=3)
    options, behind = parser.parse_known_args()
    for script in options.scripts:
        plain, explained, phases = [], [], []
        for _ in range(options.repeats):
            plain.append(run([sys.executable, script]))
            told = Path(os.environ.get("TMPDIR", "/tmp")) / f"phases-{os.getpid()}.json"
            command = [sys.executable, "-c", EXPLAIN, str(time.time()), str(told), script, *behind]
            explained.append(run(command))
            phases.append(json.loads(told.read_text()))
            told.unlink()
        show(script, plain, explained, phases)


def show(script, plain, explained, phases) -> None:
    def median(rows, place):
        return statistics.median(row[place] for row in rows)

    print(f"\n{script}, {len(plain)} runs of each")
    print(f"{'':44}{'wall s':>8}{'cpu s':>8}{'MiB':>8}")
    for name, rows in (("plain", plain), ("explain", explained)):
        print(f"{name:44}" + "".join(f"{median(rows, k):8.1f}" for k in range(3)))
    ratios = [
        [b / a for a, b in zip(p, e, strict=True)] for p, e in zip(plain, explained, strict=True)
    ]
    print(f"{'ratio':44}" + "".join(f"{median(ratios, k):7.2f}x" for k in range(3)))
    print("\nwall seconds of each step")
    for k, (text, _) in enumerate(phases[0]):
        spent = [row[k][1] for row in phases if k < len(row)]
        print(f"  {text[:66]:66}{statistics.median(spent):8.1f}")


if __name__ == "__main__":
    main()
