"""How far the estimates of remaining time are from what then remained.

``python benchmarks/progress.py [--blocks 6]``: a study trained plainly, one that runs whole
scripts, a comparison of equal trainings, and explanations, one of a loop of the script's own, each
with the estimate that ``whydiff`` would print after every part.

Estimates are held against the processor time of this process and of those that it started, so that
what else the machine does meanwhile is no error of theirs; ``--clock wall`` takes the time on the
wall. Prints Markdown: how many estimates were within a factor of two, and the middle one's ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import whydiff
from whydiff.report.progress import Pace

SCRIPT = """\
import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(2000, 20)).astype("float32")
y = (x[:, :1] > 0).astype("float32")
model = keras.Sequential(
    [
        keras.layers.Dense(64, "relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(1, "sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
"""


LOOP = """
for _ in range(10):
    for i in range(0, len(x), 32):
        model.train_on_batch(x[i : i + 32], y[i : i + 32])
"""


def processor_time() -> float:
    """Seconds of processor time of this process and all below it, those that ended included."""
    below, used = {os.getpid()}, 0.0
    stats = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended just now
            fields = file.read_text().rpartition(")")[2].split()
            stats[int(file.parent.name)] = int(fields[1]), sum(map(int, fields[11:15]))
    while more := {pid for pid, (parent, _) in stats.items() if parent in below} - below:
        below |= more
    used = sum(ticks for pid, (_, ticks) in stats.items() if pid in below)
    return used / os.sysconf("SC_CLK_TCK")


class Watch:
    """A progress that keeps every estimate with the time at which it was made."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pace: Pace | None = None
        self._made: list[tuple[float, float]] = []
        self.ratios: list[float] = []

    def step(self, text: str, total: int | None = None, trainings: int = 1) -> None:
        """A step begins."""
        self.end()
        now = self._clock()
        self._pace = Pace(total, now, trainings) if total else None

    def advance(self, n: int = 1) -> None:
        """Parts of it are done."""
        if self._pace is not None:
            now = self._clock()
            self._pace.advance(n, now)
            self._estimate(now)
            if self._pace.whole >= self._pace.total:
                self.ratios += [left / (now - then) for then, left in self._made if now > then]
                self._made = []

    def epochs(self, done: int, total: int, unit: str = "epoch") -> None:
        """Epochs of the next one are, or steps."""
        if self._pace is not None:
            now = self._clock()
            self._pace.within(done / total, now, unit == "step")
            self._estimate(now)

    def _estimate(self, now: float) -> None:
        assert self._pace is not None
        left = self._pace.seconds_left(now)
        if left is not None and self._pace.done < self._pace.total:
            self._made.append((now, left))

    def note(self, text: str) -> None:
        """Nothing is said."""

    def end(self) -> None:
        """What was estimated of a step that ended early is no estimate of its end."""
        self._made = []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=10, help="of one training")
    parser.add_argument("--only", default="", help="work whose name begins so")
    parser.add_argument("--clock", choices=("processor", "wall"), default="processor")
    options = parser.parse_args()
    clock = processor_time if options.clock == "processor" else time.monotonic
    blocks = options.blocks
    os.environ.setdefault("KERAS_BACKEND", "jax")
    asked: dict[str, Callable[[Path, Watch], object]] = {
        "study, plainly": lambda script, watch: whydiff.study(
            script, blocks=blocks, engine="solo", progress=watch
        ),
        "study, whole scripts": lambda script, watch: whydiff.study(
            script,
            blocks=blocks,
            engine="process",
            workers=1,
            vary="initialization",
            progress=watch,
        ),
        "compare, plainly": lambda script, watch: whydiff.compare(
            script,
            settings={"learning-rate": 0.001001},
            engine="solo",
            max_pairs=2 * blocks,
            progress=watch,
        ),
        "explain": lambda script, watch: whydiff.explain(
            script.with_name("unseeded.py"), runs=True, fix=False, progress=watch
        ),
        "explain, a loop": lambda script, watch: whydiff.explain(
            script.with_name("loop.py"), runs=True, fix=False, progress=watch
        ),
    }
    print("| work | estimates | within a factor of two | estimated / remained, middle (extremes) |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        script = Path(name) / "train.py"
        text = SCRIPT.replace("epochs=10", f"epochs={options.epochs}")
        script.write_text(text)
        unseeded = text.replace("keras.utils.set_random", "# ")
        script.with_name("unseeded.py").write_text(unseeded)
        script.with_name("loop.py").write_text(unseeded.partition("model.fit")[0] + LOOP)
        for work, ask in asked.items():
            if not work.startswith(options.only):
                continue
            watch = Watch(clock)
            ask(script, watch)
            ratios = watch.ratios
            within = sum(0.5 <= ratio <= 2 for ratio in ratios)
            print(
                f"| {work} | {len(ratios)} | {within} | {statistics.median(ratios):.2f} "
                f"({min(ratios):.2f} to {max(ratios):.2f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
