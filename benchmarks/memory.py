"""What `whydiff record` and `whydiff explain` take beside the plain run of a script.

Processor time, memory of all processes together, temporary files, the recording.

    python benchmarks/memory.py [model] [data] [steps] [--backend jax]

`model` has 30 million parameters, `data` 200 MB of samples, `steps` takes 50,000 short
steps. Memory is the largest sum of PSS, which counts a page that several processes share once, seen
ten times a second (Linux).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

SCRIPT = """
import keras, numpy as np
from keras import layers
rng = np.random.default_rng(0)
x = rng.normal(size=({samples}, 1000)).astype("float32")
y = rng.integers(0, 10, {samples})
model = keras.Sequential([keras.Input((1000,)), {hidden} layers.Dense(10)])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss, metrics=["accuracy"])
model.fit(x, y, epochs={epochs}, batch_size={batch}, verbose=0)
"""
WIDE = 'layers.Dense(5000, activation="relu"), layers.Dense(5000, activation="relu"),'
NARROW = 'layers.Dense(16, activation="relu"),'
SCRIPTS = {
    "model": SCRIPT.format(samples=512, hidden=WIDE, batch=64, epochs=1),
    "data": SCRIPT.format(samples=50000, hidden=NARROW, batch=500, epochs=1),
    "steps": SCRIPT.format(samples=5000, hidden=NARROW, batch=10, epochs=100),
}
MIB = 2**20


def children() -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
        found.setdefault(parent, []).append(int(place.name))
    return found


def family(process: int) -> Iterator[int]:
    of, waiting = children(), [process]
    while waiting:
        member = waiting.pop()
        yield member
        waiting += of.get(member, [])


def memory(process: int) -> int:
    total = 0
    for member in family(process):
        try:
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def files(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += 512 * (Path(place) / name).stat().st_blocks
            except OSError:
                continue
    return total


def measured(
    command: list[str], folder: Path, temporary: Path, backend: str
) -> tuple[float, float, float]:
    """(processor s, MiB of all processes, MiB of temporary files) of a command, the most seen."""
    before = os.times()
    child = subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(temporary), "KERAS_BACKEND": backend},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    most = most_files = 0
    while child.poll() is None:
        most, most_files = max(most, memory(child.pid)), max(most_files, files(temporary))
        time.sleep(0.1)
    if child.returncode:
        sys.exit(f"{' '.join(command)} failed: run it by itself")
    after = os.times()
    spent = after.children_user + after.children_system
    spent -= before.children_user + before.children_system
    return spent, most / MIB, most_files / MIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scripts", nargs="*", default=list(SCRIPTS), choices=list(SCRIPTS))
    parser.add_argument("--backend", default="jax")
    options = parser.parse_args()
    whydiff = [sys.executable, "-m", "whydiff"]
    for name in options.scripts:
        # Apart, or explain would take no scratch copy of a folder that holds its temporary files.
        with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as temporary:
            folder = Path(place)
            script = folder / "train.py"
            script.write_text(SCRIPTS[name])
            recording = folder / "a.whydiff"
            print(
                f"\n{name}{'':20}{'cpu s':>8}{'MiB':>8}{'temporary MiB':>15}{'recording MiB':>15}"
            )
            for what, command in (
                ("plain", [sys.executable, str(script)]),
                ("record", [*whydiff, "record", str(script), "-o", str(recording)]),
                ("explain --no-fix", [*whydiff, "explain", "--no-fix", str(script)]),
            ):
                spent, most, most_files = measured(
                    command, folder, Path(temporary), options.backend
                )
                kept = f"{recording.stat().st_size / MIB:15.0f}" if what == "record" else ""
                print(f"{what:{20 + len(name)}}{spent:8.1f}{most:8.0f}{most_files:15.0f}{kept}")


if __name__ == "__main__":
    main()
