"""Data that a script chooses by a value which it gives each of two trainings otherwise."""

from __future__ import annotations

import ast
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recording import ASKED, Side
from whydiff.diagnosis.sources import data_content
from whydiff.diagnosis.sources.facts import equal, show
from whydiff.experiments.explain.texts import text_of
from whydiff.fixes import ensemble_or_folds
from whydiff.script_text.dataflow import deciding

_OPEN = ("", "prepared-otherwise", "other-subset", *data_content.BY_RULE)


def with_chosen_data(
    findings: Sequence[Finding], path: Path, sides: tuple[Side, Side]
) -> tuple[Finding, ...]:
    """Findings of two fits of one run: data that follow from a setting which the script gives both
    otherwise, on the way to what is fed, differ because it means it; and so do folds."""
    content = next((f for f in findings if f.source == data_content.ID), None)
    if content is None or content.status != DIFFERS or content.mechanism not in _OPEN:
        return tuple(findings)
    try:
        text = text_of(path)
        chosen = _chosen(text, path, sides)
        folds = "" if chosen else ensemble_or_folds(text, *sides)
    except (OSError, SyntaxError, ValueError):
        return tuple(findings)
    if not chosen and "cross-validation" not in folds:
        return tuple(findings)
    detail = content.detail or content.evidence
    if chosen:
        detail = f"{detail}; the script chooses the data by {chosen}"
    meant = replace(content, detail=detail, mechanism="", intended=True)
    return tuple(meant if f is content else f for f in findings)


def _chosen(text: str, path: Path, sides: tuple[Side, Side]) -> str:
    """``kind='a' in A and 'b' in B`` for the settings that choose what is fed."""
    asked = [_asked(side) for side in sides]
    apart = [n for n in asked[0] if n in asked[1] and not equal(asked[0][n], asked[1][n])]
    ways = [_deciding_names(text, path, side) for side in sides]
    found = [name for name in apart if all(name in way for way in ways)]
    return ", ".join(f"{n}: {show(asked[0][n])} in A, {show(asked[1][n])} in B" for n in found[:3])


def _asked(side: Side) -> dict[str, Any]:
    noted = side.fit.notes.get(ASKED)
    return noted if isinstance(noted, dict) else {}


def _deciding_names(text: str, path: Path, side: Side) -> set[str]:
    """The names that choose something where it is decided what a fit is fed: a key, a condition, or
    what is called. The calls that lead to the fit and the heads of functions are not meant."""
    here = [f.line for f in side.fit.stack if os.path.realpath(f.file) == os.path.realpath(path)]
    way = here and deciding({path.name: text}, path.name, here[-1], chained=False)
    if not way:
        return set()
    lines = way.lines.get(path.name, frozenset()) - {*here}
    return {
        name
        for node in ast.walk(ast.parse(text))
        if getattr(node, "lineno", 0) in lines
        for part in _choosing(node)
        for name in _names(part, lines)
    }


def _choosing(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Subscript(slice=part):
            return [part]
        case ast.If(test=part) | ast.IfExp(test=part) | ast.Match(subject=part):
            return [part]
        case ast.Call(func=called, args=given, keywords=keywords):
            return [called, *given, *(keyword.value for keyword in keywords)]
    return []


def _names(part: ast.expr, lines: Collection[int]) -> set[str]:
    """Names and attributes of an expression that stand in these lines."""
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(part)
        if isinstance(node, ast.Name | ast.Attribute) and node.lineno in lines
    }
