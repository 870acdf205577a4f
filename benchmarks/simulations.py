"""What the intervals and tests of whydiff promise, measured on simulated runs.

    python benchmarks/simulations.py [--trials N] [--write]

Prints the table of docs/statistics.md and that of docs/compare.md; with --write puts them there. A
share that breaks its promise by more than chance (3.5 standard errors) is marked, and ends the
command with 1. The rows are in whydiff.testing.simulations; the tests run each with fewer trials.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from whydiff.testing.simulations import PAIRS, pairs_to_verdict, rows

DOCS = Path(__file__).resolve().parents[1] / "docs"
#: Differences in standard deviations of a pair's difference.
GAPS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


def promises(trials: int) -> Iterator[tuple[str, bool]]:
    """Lines of the table of promises, and whether each holds."""
    yield "| what | case | promised | share |", True
    yield "|---|---|---|---|", True
    for row in rows():
        share = row.share(trials)
        holds = row.holds(share, trials)
        mark = "" if holds else " (broken)"
        yield f"| {row.what} | {row.case} | {row.promise()} | {100 * share:.1f} %{mark} |", holds


def power(trials: int) -> Iterator[str]:
    """Lines of the table of pairs to a verdict."""
    yield "| difference, in standard deviations | pairs | rule before |"
    yield "|---|---|---|"
    for gap in GAPS:
        yield f"| {gap} | " + " | ".join(map(told, pairs_to_verdict(gap, trials))) + " |"


def told(pairs: list[int]) -> str:
    """``14 (28)``: the median and the 90th percentile."""
    most = 2 * PAIRS
    middle, late = (round(float(np.quantile(pairs, q))) for q in (0.5, 0.9))
    return f"{middle} ({late if late < most else f'over {most}'})"


def write(file: str, name: str, lines: list[str]) -> None:
    """Put lines between the marks of that name."""
    path = DOCS / file
    text = path.read_text(encoding="utf-8")
    marks = f"<!-- simulated: {name} -->\n", "<!-- end simulated -->"
    pattern = re.compile(f"({re.escape(marks[0])}).*?({re.escape(marks[1])})", re.DOTALL)
    body = "\n".join(lines) + "\n"
    path.write_text(pattern.sub(lambda m: m[1] + body + m[2], text), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=1000, help="for each row (1000)")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/")
    options = parser.parse_args()
    table, sound = [], True
    for line, holds in promises(options.trials):
        print(line, flush=True)
        table.append(line)
        sound &= holds
    pairs = list(power(options.trials))
    print("", *pairs, sep="\n")
    if options.write:
        write("statistics.md", "promises", table)
        write("compare.md", "pairs", pairs)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
