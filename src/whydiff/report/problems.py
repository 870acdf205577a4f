"""Problems of scripts as lines that editors can jump to."""

from __future__ import annotations

from typing import TextIO

from whydiff.core.problem import Checked
from whydiff.report.documents.check import at, verdict
from whydiff.report.plain import clean
from whydiff.report.terminal import encodable


def problem_lines(checked: Checked) -> list[str]:
    """``train.py:7:1: WD101 no-seed: ...`` with the remedy below, and a summary at the end."""
    lines = []
    for p in checked.problems:
        lines.append(clean(f"{at(p)}:{p.column}: {p.rule} {p.name}: {p.what}"))
        lines.append(f"    {p.remedy}")
    return [*lines, *([""] if lines else []), verdict(checked)]


def print_problems(checked: Checked, stream: TextIO) -> None:
    """Write :func:`problem_lines`."""
    text = "\n".join(problem_lines(checked)) + "\n"
    stream.write(encodable(text, getattr(stream, "encoding", None) or "utf-8"))
