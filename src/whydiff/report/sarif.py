"""Problems of scripts as SARIF 2.1.0, the format in which code scanning takes results.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from whydiff import __version__
from whydiff.core.problem import Checked, Problem
from whydiff.lint.rule import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
HOME = "https://github.com/whydiff/whydiff"


def sarif(checked: Checked, rules: Sequence[Rule]) -> dict[str, Any]:
    """One run with all ``rules`` that were looked for, and a result per problem.

    A file below the current folder is named from there, as code scanning wants it.
    """
    numbers = {rule.id: number for number, rule in enumerate(rules)}
    driver = {
        "name": "whydiff",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": HOME,
        "rules": [_rule(rule) for rule in rules],
    }
    notifications = [
        {
            "level": "error",
            "message": {"text": why},
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(file)}}],
        }
        for file, why in checked.unread
    ]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not checked.unread,
                "toolExecutionNotifications": notifications,
            }
        ],
        "results": [_result(problem, numbers) for problem in checked.problems],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": "warning"},
    }


def _result(problem: Problem, numbers: dict[str, int]) -> dict[str, Any]:
    where = f"Cell {problem.cell}, line {problem.line}: " if problem.cell else ""
    # lines of a cell are none of the notebook's file
    place: dict[str, Any] = {"artifactLocation": _artifact(problem.file)}
    if not problem.cell:
        place["region"] = {"startLine": problem.line, "startColumn": problem.column}
    return {
        "ruleId": problem.rule,
        "ruleIndex": numbers[problem.rule],
        "level": "warning",
        "message": {"text": f"{where}{problem.sentences}"},
        "locations": [{"physicalLocation": place}],
    }


def _artifact(file: str) -> dict[str, str]:
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": "%SRCROOT%"}
