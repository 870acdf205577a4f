"""Where the seconds of `whydiff explain` go, beside the plain run of the same script.

    python benchmarks/explain.py [SCRIPT ...] [--repeats 3] [-- OPTIONS OF EXPLAIN]

The plain script and `explain` run in turn. Prints the medians: wall and processor time of both,
their ratios, the largest process, and the wall time of each thing that `explain` says it does; of
the last run the processor time of each script's process, and of what it was asked for afterwards.
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
import json, os, sys, time
from pathlib import Path
began = float(sys.argv[1])
from whydiff.cli import main
from whydiff.report import progress
said = []
class Timed(progress.Progress):
    def step(self, text, *parts, **more):
        said.append((time.time(), text))
        super().step(text, *parts, **more)
progress.Progress = Timed
from whydiff.runner.client import Child
spent = {}
def used(child):
    fields = Path(f"/proc/{child.process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
def noted(what, function):
    def call(child, *args, **keywords):
        before = used(child) if child.exit_code is not None else 0.0
        try:
            return function(child, *args, **keywords)
        finally:
            seconds, times = spent.get(what(child, *args), (0.0, 0))
            try:
                spent[what(child, *args)] = (seconds + used(child) - before, times + 1)
            except OSError:  # one that is asked nothing ends with its script
                pass
    return call
of_script = lambda child, *_: "script " + child.run.purpose
Child.wait_for_script = noted(of_script, Child.wait_for_script)
Child.request = noted(lambda child, request: type(request).__name__, Child.request)
status = 0
try:
    main(["explain", *sys.argv[3:]], standalone_mode=False)
except SystemExit as error:
    status = error.code
said.append((time.time(), ""))
with open(sys.argv[2], "w") as file:
    steps = [[text, after - at] for (at, text), (after, _) in zip(said, said[1:])]
    json.dump([[["start", said[0][0] - began], *steps], spent], file)
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
    ours = sys.argv[1:]
    cut = ours.index("--") if "--" in ours else len(ours)
    options, behind = parser.parse_args(ours[:cut]), ours[cut + 1 :]
    for script in options.scripts:
        plain, explained, phases = [], [], []
        for _ in range(options.repeats):
            plain.append(run([sys.executable, script]))
            told = Path(os.environ.get("TMPDIR", "/tmp")) / f"phases-{os.getpid()}.json"
            command = [sys.executable, "-c", EXPLAIN, str(time.time()), str(told), script, *behind]
            explained.append(run(command))
            steps, spent = json.loads(told.read_text())
            phases.append(steps)
            told.unlink()
        show(script, plain, explained, phases)
        print("\nprocessor seconds of scripts' processes, in the last run")
        for what, (seconds, times) in spent.items():
            print(f"  {what:58}{f'{times} x' if times > 1 else '':8}{seconds:8.1f}")


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
