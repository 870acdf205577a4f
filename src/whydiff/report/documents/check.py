"""The document of a check: traps in the texts of scripts, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from whydiff.core.problem import Checked, Problem
from whydiff.core.visible import fitted
from whydiff.core.words import count
from whydiff.report.document import DIFFERENT, OPEN, SAME, SCREEN, Document, Place, Section, Table
from whydiff.report.terminal import clean, encodable


def document(checked: Checked, name: str = "") -> Document:
    """How much was found, then every finding with its place; what could not be read."""
    return Document(
        question="What in these scripts will make their results differ?",
        verdict=verdict(checked),
        tone=DIFFERENT if checked.problems else OPEN if checked.unread else SAME,
        sections=tuple(_sections(checked)),
        places=tuple(_place(problem) for problem in checked.problems),
    )


def verdict(checked: Checked) -> str:
    """``3 findings in 2 of 5 scripts.``"""
    read = count(checked.scripts - len(checked.unread), "script")
    if not checked.problems:
        return f"No finding in {read}."
    files = len({problem.file for problem in checked.problems})
    return f"{count(len(checked.problems), 'finding')} in {files} of {read}."


def at(problem: Problem) -> str:
    """``train.py:7``, in a notebook ``train.ipynb:cell 2:7``."""
    cell = f":cell {problem.cell}" if problem.cell else ""
    return f"{problem.file}{cell}:{problem.line}"


def _sections(checked: Checked) -> Iterator[Section]:
    if checked.problems:
        rows = tuple((at(p), f"{p.rule} {p.name}", p.what, p.remedy) for p in checked.problems)
        table = Table(("At", "Rule", "What", "What to do"), rows)
        yield Section("findings", "Findings", (table,), depth=SCREEN)
    if checked.unread:
        unread = Table(("Not read", "Because"), checked.unread)
        yield Section("unread", "Files that could not be read", (unread,), depth=SCREEN)


def _place(problem: Problem) -> Place:
    # GitHub knows no cells: in a notebook the message names the line
    line, column = (0, 0) if problem.cell else (problem.line, problem.column)
    where = f"{at(problem)}: " if problem.cell else ""
    message = f"{where}{problem.sentences}"
    return Place("warning", problem.file, line, f"{problem.rule} {problem.name}", message, column)


# --- problems of scripts as lines that editors can jump to ------------------------------------


def problem_lines(checked: Checked) -> list[str]:
    """``train.py:7:1: WD101 no-seed: ...`` with the remedy below, and a summary at the end."""
    lines = []
    for p in checked.problems:
        lines.append(clean(f"{at(p)}:{p.column}: {p.rule} {p.name}: {p.what}"))
        lines.append(f"    {p.remedy}")
    return [*lines, *([""] if lines else []), verdict(checked)]


def print_problems(checked: Checked, stream: TextIO) -> None:
    """Write :func:`problem_lines`."""
    text = "".join(f"{fitted(line, stream)}\n" for line in problem_lines(checked))
    stream.write(encodable(text, getattr(stream, "encoding", None) or "utf-8"))
