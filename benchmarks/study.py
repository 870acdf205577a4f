"""What training replicas costs, as ratios measured in one interleaved run.

``python benchmarks/study.py [--only dense,conv,...] [--loop 6] [--replicas N]``; the parts are
``dense``, ``conv``, ``lstm``, ``transformer`` (a plain loop of set_random_seed, build and fit
against ``replicate``, everything included), ``hand`` (the fused loop against JAX written by
hand), ``count`` (cost and memory against the number of replicas) and ``ictonyx`` (its
variability study of 50 runs; needs ``pip install ictonyx``). Prints Markdown; in
brackets the same in CPU seconds, which a machine that is busy with other things distorts less.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from whydiff.core.replicas import ASKED_FOR, Replica
from whydiff.runner.client import Child, Run
from whydiff.runner.messages import AskRedrawable, Replicate

HERE = Path(__file__).parent
#: Replicas that each net is asked for, as the aims name them.
REPLICAS = {"dense": 1000, "conv": 64, "lstm": 256, "transformer": 256}
AIMS = {"dense": 100, "conv": 3, "lstm": 5, "transformer": 5}
COUNTS = (1, 4, 16, 64, 256, 1024, 4096)
HAND_REPLICAS = (16, 64, 256)
ENVIRONMENT = {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}


def python(*arguments: str, backend: str = "jax") -> str:
    """What one of the small scripts beside this one prints."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **ENVIRONMENT, "KERAS_BACKEND": backend},
        cwd=HERE,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    ).stdout


Seconds = tuple[float, float]  # wall clock, CPU


def loop(name: str, runs: int, backend: str) -> list[Seconds]:
    printed = python("plain_loop.py", name, str(runs), backend=backend).split()
    return [(float(wall), float(cpu)) for wall, cpu in (text.split(":") for text in printed)]


class Study:
    """A served child that ran the script of one net, from its very start."""

    def __init__(self, name: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        run = Run(HERE / "nets.py", (name,), ENVIRONMENT)
        self._child = Child(run, folder / "a.whydiff", folder / "log", serve=True)
        assert self._child.wait_for_script() == 0, (folder / "log").read_text()
        able = self._child.request(AskRedrawable(1))
        self._sources = [s for s in able.sources if s not in ASKED_FOR]
        assert not able.fused, able

    def train(self, count: int, first: int = 0) -> float:
        """Seconds for ``count`` replicas, predictions written out included."""
        begun = time.perf_counter()
        seeds = [dict.fromkeys(self._sources, first + i) for i in range(count)]
        replicas = tuple(Replica(i, seeds[i]) for i in range(count))
        answer = self._child.request(Replicate(1, replicas, "fused"))
        assert not answer.notes, answer.notes
        assert all(result.engine == "fused" for result in answer.results)
        return time.perf_counter() - begun

    def cpu(self) -> float:
        """CPU seconds of the child so far."""
        fields = Path(f"/proc/{self._child.process_id}/stat").read_text().rsplit(")")[-1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        status = Path(f"/proc/{self._child.process_id}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def close(self) -> None:
        self._child.close()
        self._folder.cleanup()


def against_loop(name: str, replicas: int, runs: int, backends: list[str]) -> None:
    """The loop runs before and after the study, so that a change of load meets both."""
    times = {backend: loop(name, runs, backend) for backend in backends}
    begun = time.perf_counter()
    study = Study(name)
    ready = time.perf_counter() - begun
    whole = ((ready + study.train(replicas)) / replicas, study.cpu() / replicas)
    again = study.train(replicas, first=10**6)
    study.close()
    for backend in backends:
        times[backend] += loop(name, runs, backend)
    a_run = {
        backend: tuple(statistics.median(column) for column in zip(*values, strict=True))
        for backend, values in times.items()
    }
    fastest = min(a_run, key=lambda backend: a_run[backend])
    ratios = [one / other for one, other in zip(a_run[fastest], whole, strict=True)]
    shown = ", ".join(f"{b} {wall:.2f} ({cpu:.2f})" for b, (wall, cpu) in a_run.items())
    print(
        f"| {name}, {replicas} replicas | {shown} | {1000 * whole[0]:.1f} ({1000 * whole[1]:.1f}) "
        f"| {1000 * again / replicas:.1f} | {ratios[0]:.0f} x ({ratios[1]:.0f} x) "
        f"| {AIMS[name]} x |",
        flush=True,
    )


def against_hand() -> None:
    print("\n| replicas | fused, ms an epoch | by hand, ms an epoch | median ratio | aim |")
    print("|---|---|---|---|---|")
    for count in HAND_REPLICAS:
        fused, by_hand, ratio = python("hand_written.py", str(count)).split()
        print(f"| {count} | {fused} | {by_hand} | {ratio} | 1.15 |", flush=True)


def against_count() -> None:
    print("\n| replicas | seconds | ms a replica | peak memory, MiB |\n|---|---|---|---|")
    for count in COUNTS:
        study = Study("dense")
        study.train(count)
        seconds = study.train(count, first=10**6)
        print(
            f"| {count} | {seconds:.2f} | {1000 * seconds / count:.1f} | {study.peak_mib():.0f} |",
            flush=True,
        )
        study.close()


def against_ictonyx(backends: list[str], runs: int = 50) -> None:
    """Both from the start of Python to the metrics of all runs."""
    times = {b: python("variability_study.py", str(runs), backend=b).split()[-1] for b in backends}
    seconds = {b: [float(part) for part in text.split(":")] for b, text in times.items()}
    begun = time.perf_counter()
    study = Study("validated")
    study.train(runs)
    whole, cpu = time.perf_counter() - begun, study.cpu()
    again = study.train(runs, first=10**6)
    study.close()
    fastest = min(seconds, key=lambda backend: seconds[backend][0])
    shown = ", ".join(f"{b} {wall:.1f} ({cpu:.1f})" for b, (wall, cpu) in seconds.items())
    print(
        "\n| runs | ictonyx, s | fused, s, everything included | after compiling | ratio | aim |"
        f"\n|---|---|---|---|---|---|\n| {runs} | {shown} | {whole:.1f} ({cpu:.1f}) | {again:.2f} "
        f"| {seconds[fastest][0] / whole:.0f} x ({seconds[fastest][1] / cpu:.0f} x); after "
        f"compiling {seconds[fastest][0] / again:.0f} x | 50 x |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="dense,conv,lstm,transformer,hand,count")
    parser.add_argument("--loop", type=int, default=5, help="runs of the plain loop, twice")
    parser.add_argument("--replicas", type=int, help="instead of the aims' numbers")
    parser.add_argument("--backends", default="jax,tensorflow,torch")
    options = parser.parse_args()
    wanted = options.only.split(",")
    nets = [name for name in REPLICAS if name in wanted]
    if nets:
        print(
            "| training | plain loop, s a run | fused, ms a replica, everything included | "
            "after compiling | ratio | aim |\n|---|---|---|---|---|---|"
        )
    for name in nets:
        count = options.replicas or REPLICAS[name]
        against_loop(name, count, options.loop, options.backends.split(","))
    if "hand" in wanted:
        against_hand()
    if "count" in wanted:
        against_count()
    if "ictonyx" in wanted:
        against_ictonyx(options.backends.split(","))


if __name__ == "__main__":
    main()
