"""What looking at a training on its way costs: the same hybrid with and without, interleaved.

python benchmarks/trace.py [SCRIPT] [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from whydiff.diagnosis.moments import plan
from whydiff.runner.client import Child, Run
from whydiff.runner.hybrid_trainer import ProcessHybridTrainer
from whydiff.runner.messages import OwnFit, Pair
from whydiff.storage import load

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    script = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "examples" / "shuffling.py"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Child(Run(script), folder / "a.whydiff", folder / "log", serve=True) as child:
            child.wait_for_script()
            fit = load(child.recording).fits[0]
            child.request(Pair(OwnFit(fit.pick), OwnFit(fit.pick)))
            hybrid_trainer = ProcessHybridTrainer({"a": child}, frozenset())
            moments = plan(fit, fit, None).of("a")
            hybrid_trainer.train(frozenset())  # compiles
            plain, looked = [], []
            for _ in range(rounds):
                plain.append(hybrid_trainer.train(frozenset()).seconds)
                looked.append(hybrid_trainer.train(frozenset(), moments=moments).seconds)
    ratio = statistics.median(b / a for a, b in zip(plain, looked, strict=True))
    print(
        f"{script.name}: {len(fit.steps)} steps, {len(moments)} moments, "
        f"{statistics.median(plain):.2f} s without, {statistics.median(looked):.2f} s with, "
        f"ratio {ratio:.2f} (median of {rounds})"
    )


if __name__ == "__main__":
    main()
