"""Problems of scripts as lines that editors can jump to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from whydiff.core.problem import Problem
from whydiff.core.words import count
from whydiff.report.plain import clean


def problem_lines(problems: Sequence[Problem], scripts: int) -> list[str]:
    """``train.py:7:1: WD101 no-seed: ...`` with the remedy below, and a summary at the end."""
    lines = []
    for p in problems:
        file = f"{p.file}:cell {p.cell}" if p.cell else p.file
        lines.append(clean(f"{file}:{p.line}:{p.column}: {p.rule} {p.name}: {p.what}"))
        lines.append(f"    {p.remedy}")
    files = len({p.file for p in problems})
    if problems:
        lines += [
            "",
            f"{count(len(problems), 'finding')} in {files} of {count(scripts, 'script')}.",
        ]
    else:
        lines.append(f"No finding in {count(scripts, 'script')}.")
    return lines


def print_problems(problems: Sequence[Problem], scripts: int, stream: TextIO) -> None:
    """Write :func:`problem_lines`."""
    text = "\n".join(problem_lines(problems, scripts)) + "\n"
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
