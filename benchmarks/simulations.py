"""What the intervals and tests of whydiff promise, measured on simulated runs.

    python benchmarks/simulations.py [--trials N] [--only PATTERN] [--write]

Prints the table of docs/statistics.md and those of docs/compare.md; with --write puts them there.
With --only, rows in which the pattern does not occur stay as they are in docs/. A share that breaks
its promise by more than chance (3.5 standard errors) is marked, and ends the command with 1. Rows
are in whydiff.testing.simulations; the tests run each with fewer trials.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from whydiff.testing.simulations import (
    ACCURACY_PAIRS,
    PAIRS,
    pairs_of_accuracies,
    pairs_to_verdict,
    rows,
)

DOCS = Path(__file__).resolve().parents[1] / "docs"
#: Differences in standard deviations of a pair's difference, and of accuracies.
GAPS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
ACCURACIES = (0.02, 0.05, 0.1, 0.2)


def promises(trials: int, only: str) -> Iterator[tuple[str, bool]]:
    """Lines of the table of promises, and whether each holds."""
    written = (DOCS / "statistics.md").read_text(encoding="utf-8").splitlines() if only else []
    yield "| what | case | promised | share |", True
    yield "|---|---|---|---|", True
    for row in rows():
        begins = f"| {row.what} | {row.case} | {row.promise()} |"
        kept = [line for line in written if line.startswith(begins)]
        if kept and not re.search(only, row.what):
            yield kept[0], "broken" not in kept[0]
            continue
        share = row.share(trials)
        holds = row.holds(share, trials)
        mark = "" if holds else " (broken)"
        yield f"{begins} {100 * share:.1f} %{mark} |", holds


def power(trials: int) -> Iterator[str]:
    """Lines of the table of pairs to a verdict."""
    yield "| difference, in standard deviations | pairs | rule before |"
    yield "|---|---|---|"
    for gap in GAPS:
        yield f"| {gap} | " + " | ".join(map(told, pairs_to_verdict(gap, trials))) + " |"


def accuracies(trials: int) -> Iterator[str]:
    """Lines of the table of pairs to a verdict on accuracies."""
    yield "| higher by | pairs | stakes before | `--assume symmetric` |"
    yield "|---|---|---|---|"
    for gap in ACCURACIES:
        yield (
            f"| {gap} | "
            + " | ".join(told(pairs, ACCURACY_PAIRS) for pairs in pairs_of_accuracies(gap, trials))
            + " |"
        )


def told(pairs: list[int], most: int = 2 * PAIRS) -> str:
    """``14 (28)``: the median and the 90th percentile."""
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
    parser.add_argument("--only", default="", help="rows with this pattern")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/")
    options = parser.parse_args()
    table, sound = [], True
    for line, holds in promises(options.trials, options.only):
        print(line, flush=True)
        table.append(line)
        sound &= holds
    pairs, of_accuracies = list(power(options.trials)), list(accuracies(options.trials))
    print("", *pairs, "", *of_accuracies, sep="\n")
    if options.write:
        write("statistics.md", "promises", table)
        write("compare.md", "pairs", pairs)
        write("compare.md", "accuracies", of_accuracies)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
