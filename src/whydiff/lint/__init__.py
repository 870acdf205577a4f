"""Traps in a script's text, found before any run: one file per family of rules, all pure.

Add a rule by adding a :class:`Rule` to a family; the tests then demand its near-miss, and
``docs/make_rules.py`` writes its section of the documentation.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Collection
from dataclasses import replace

from whydiff.core.errors import WhydiffError
from whydiff.core.problem import Problem
from whydiff.lint import data, environment, initial, model, pipelines, seeds, state
from whydiff.lint.rule import Rule
from whydiff.lint.script import Source
from whydiff.script_text.edits import parse
from whydiff.script_text.notebooks import cells

__all__ = ["FAMILIES", "RULES", "Rule", "check_notebook", "check_text", "selected"]

#: title of a family -> its rules
FAMILIES: dict[str, tuple[Rule, ...]] = {
    "Seeds": seeds.RULES + initial.RULES,
    "Data": tuple(sorted(pipelines.RULES + data.RULES, key=lambda rule: rule.id)),
    "State": state.RULES,
    "Model and loss": model.RULES,
    "Environment": environment.RULES,
}
RULES: tuple[Rule, ...] = tuple(rule for rules in FAMILIES.values() for rule in rules)


def selected(select: Collection[str] = (), ignore: Collection[str] = ()) -> tuple[Rule, ...]:
    """Rules by id, name or the beginning of an id (``WD1``): those selected, less those ignored.

    Raises WhydiffError for what names no rule.
    """
    for word in (*select, *ignore):
        if not any(_named(rule, word) for rule in RULES):
            raise WhydiffError(
                f"there is no rule {word!r}", f"Rules: {', '.join(r.id for r in RULES)}."
            )
    return tuple(
        rule
        for rule in RULES
        if (not select or any(_named(rule, word) for word in select))
        and not any(_named(rule, word) for word in ignore)
    )


def _named(rule: Rule, word: str) -> bool:
    return word == rule.name or (word.upper().startswith("WD") and rule.id.startswith(word.upper()))


def check_text(text: str, file: str, rules: Collection[Rule] = RULES) -> list[Problem]:
    """Problems of a script's text, by line. Raises SyntaxError or ValueError if it is no Python.

    Lines with ``# whydiff: ignore[WD101]`` (or ``ignore``, for all rules) are left out.
    """
    source = Source(text)
    skip = ignored(text)
    found = {
        Problem(file, hit.line, hit.column + 1, rule.id, rule.name, hit.what, rule.remedy)
        for rule in rules
        for hit in rule.find(source)
        if not any(_named(rule, word) or word == "*" for word in skip.get(hit.line, ()))
    }
    return sorted(found, key=lambda p: (p.line, p.rule, p.column))


def check_notebook(content: str, file: str, rules: Collection[Rule] = RULES) -> list[Problem]:
    """Problems of a notebook's code, by cell and line. Raises ValueError if it is no notebook.

    Cells are read as one text, in their order; one that is no Python is left out.
    """
    lines: list[str] = []
    places: list[tuple[int, int]] = []
    for cell in cells(content):
        for number, line in enumerate(_python_lines(cell.text), 1):
            lines.append(line)
            places.append((cell.number, number))
    found = []
    for problem in check_text("".join(f"{line}\n" for line in lines), file, rules):
        cell_number, number = places[problem.line - 1]
        found.append(replace(problem, cell=cell_number, line=number))
    return found


def _python_lines(text: str) -> list[str]:
    lines = text.split("\n")
    try:
        parse(text)
    except (SyntaxError, ValueError):
        return [""] * len(lines)
    return lines


# --- ``# whydiff: ignore[WD101]`` on a line: which rules it silences there --------------------


_COMMENT = re.compile(r"#\s*whydiff:\s*ignore(?:\[([^\]]*)\])?", re.IGNORECASE)


def _rules_named(comment: str) -> tuple[str, ...]:
    """The rules that a comment silences, () for one about something else."""
    match = _COMMENT.search(comment)
    return tuple(w.strip() for w in (match[1] or "*").split(",") if w.strip()) if match else ()


def ignored(text: str) -> dict[int, tuple[str, ...]]:
    """Line -> ids or names of rules ("*" for all of them), from its comments, never from strings.

    On the last line of a statement that spans several the comment counts for its first line.
    """
    found: dict[int, tuple[str, ...]] = {}
    first: int | None = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            words = _rules_named(token.string)
            for line in {token.start[0], first or token.start[0]} if words else ():
                found[line] = (*found.get(line, ()), *words)
        elif token.type == tokenize.NEWLINE:
            first = None
        elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT) and first is None:
            first = token.start[0]
    return found
