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
from whydiff.script_text.edits import Script, last_name, parse, statement_at
from whydiff.script_text.orders import DRAWS

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
        chosen = _chosen(text, path, sides) or _taken_in_loop(text, path, sides)
        chosen = chosen or _given_apart(text, path, sides)
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


def _taken_in_loop(text: str, path: Path, sides: tuple[Side, Side]) -> str:
    """``line 4: for name, x in VARIANTS.items()`` where two fits in one line are fed what the loop
    around them takes from a collection that stands in the script."""
    lines = [_line_here(side, path) for side in sides]
    script = parse(text)
    statement = statement_at(script, lines[0]) if lines[0] == lines[1] > 0 else None
    if statement is None:
        return ""
    loop = next((n for n in script.loops(statement) if isinstance(n, ast.For)), None)
    if loop is None or not _written_down(script, loop.iter):
        return ""
    targets = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
    fed = [
        call.args[0]
        for call in ast.walk(statement)
        if isinstance(call, ast.Call) and last_name(call.func) == "fit" and call.args
    ]
    wanted = {n.id for part in fed for n in ast.walk(part) if isinstance(n, ast.Name)}
    if not targets & wanted:
        return ""
    taken = f"for {ast.unparse(loop.target)} in {ast.unparse(loop.iter)}"
    return f"the loop in line {loop.lineno}, {taken}"


def _given_apart(text: str, path: Path, sides: tuple[Side, Side]) -> str:
    """``rows: north in line 18, south in line 19`` where two lines call the function that trains,
    each with data of its own that no line draws for it alone."""
    here = os.path.realpath(path)
    stacks = [[f for f in side.fit.stack if os.path.realpath(f.file) == here] for side in sides]
    lines = [[frame.line for frame in stack] for stack in stacks]
    apart = next((n for n, (x, y) in enumerate(zip(*lines, strict=False)) if x != y), None)
    if apart is None or lines[0][apart + 1 :] != lines[1][apart + 1 :] or not lines[0][apart + 1 :]:
        return ""
    script, function = parse(text), stacks[0][apart + 1].function
    calls = [_call_to(script, function, line[apart]) for line in lines]
    heads = [
        node
        for node in ast.walk(script.tree)
        if isinstance(node, ast.FunctionDef) and node.name == function
    ]
    one, other = calls
    if one is None or other is None or len(heads) != 1:
        return ""
    way = deciding({path.name: text}, path.name, lines[0][-1], chained=False)
    on_the_way = {*(way.lines.get(path.name, ()) if way else ()), lines[0][-1]}
    fed = {
        node.id
        for node in ast.walk(heads[0])
        if isinstance(node, ast.Name) and node.lineno in on_the_way
    }
    given = [_by_parameter(heads[0], call) for call in (one, other)]
    found = [
        f"{name}: {ast.unparse(x)} in line {one.lineno}, {ast.unparse(y)} in line {other.lineno}"
        for name, x in given[0].items()
        for y in [given[1].get(name)]
        if y is not None
        and name in fed
        and ast.dump(x) != ast.dump(y)
        and not _drawn_for_one(script, path, x, y)
    ]
    return ", ".join(found[:3])


def _call_to(script: Script, function: str, line: int) -> ast.Call | None:
    """The only call of a function in the statement at a line."""
    statement = statement_at(script, line)
    calls = [
        node
        for node in (ast.walk(statement) if statement is not None else ())
        if isinstance(node, ast.Call)
        and last_name(node.func) == function
        and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return calls[0] if len(calls) == 1 else None


def _by_parameter(head: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr]:
    """The arguments of a call by the names of the parameters that take them."""
    names = [parameter.arg for parameter in (*head.args.posonlyargs, *head.args.args)]
    if names[:1] in (["self"], ["cls"]):
        names = names[1:]
    given = dict(zip(names, call.args, strict=False))
    return given | {word.arg: word.value for word in call.keywords if word.arg}


def _drawn_for_one(script: Script, path: Path, one: ast.expr, other: ast.expr) -> bool:
    """Whether what one of two calls is given may have been drawn for it alone: it calls what
    draws or cannot be seen, follows from an assignment that draws and is not on the other's way, or
    is shuffled in place."""
    inside = [n for part in (one, other) for n in ast.walk(part) if isinstance(n, ast.Call)]
    seen = {n.name for n in ast.walk(script.tree) if isinstance(n, ast.FunctionDef)}
    if any(last_name(n.func) not in seen or _may_draw(script, path, n) for n in inside):
        return True
    (names, values), (names_b, values_b) = (_on_the_way(script, part) for part in (one, other))
    made = [n for v in values ^ values_b for n in ast.walk(v) if isinstance(n, ast.Call)]
    in_place = [
        node
        for node in ast.walk(script.tree)
        if isinstance(node, ast.Call)
        and _draws(last_name(node.func))
        and (names ^ names_b) & {given.id for given in node.args if isinstance(given, ast.Name)}
    ]
    return bool(in_place) or any(_may_draw(script, path, call) for call in made)


def _on_the_way(script: Script, given: ast.expr) -> tuple[set[str], set[ast.expr]]:
    """The names that an expression follows from, and what is assigned to them."""
    names: set[str] = set()
    found: set[ast.expr] = set()
    waiting: list[ast.expr] = [given]
    while waiting:
        used = {n.id for n in ast.walk(waiting.pop()) if isinstance(n, ast.Name)}
        names |= used
        for node in ast.walk(script.tree):
            if not isinstance(node, ast.Assign) or node.value in found:
                continue
            targets = {n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            if targets & used:
                found.add(node.value)
                waiting.append(node.value)
    return names, found


def _may_draw(
    script: Script, path: Path, call: ast.Call, within: frozenset[str] = frozenset()
) -> bool:
    """Whether a call draws, or calls a function of the project that does or cannot be seen."""
    function = last_name(call.func)
    if _draws(function):
        return True
    if function in within:
        return False
    for node in ast.walk(script.tree):
        match node:
            case ast.FunctionDef(name=name) if name == function:
                inner = (n for n in ast.walk(node) if isinstance(n, ast.Call))
                if any(_may_draw(script, path, n, within | {function}) for n in inner):
                    return True
            case ast.ImportFrom(module=module, level=level, names=names):
                root = (module or "").partition(".")[0]
                own = (
                    level or path.with_name(f"{root}.py").exists() or (path.parent / root).is_dir()
                )
                if own and function in {alias.asname or alias.name for alias in names}:
                    return True
    return False


def _draws(function: str) -> bool:
    return function in DRAWS or "split" in function or "resample" in function


def _written_down(script: Script, iterated: ast.expr) -> bool:
    """Whether a loop goes through entries that the script writes down: what it computes, as a list
    of resampled data, may have been drawn."""
    if isinstance(iterated, ast.Call) and isinstance(iterated.func, ast.Attribute):
        if iterated.func.attr not in ("items", "values", "keys") or iterated.args:
            return False
        iterated = iterated.func.value
    if isinstance(iterated, ast.Name):
        values = [
            node.value
            for node in ast.walk(script.tree)
            if isinstance(node, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == iterated.id for t in node.targets)
        ]
        return len(values) == 1 and isinstance(values[0], ast.Dict | ast.List | ast.Tuple)
    return isinstance(iterated, ast.Dict | ast.List | ast.Tuple)


def _line_here(side: Side, path: Path) -> int:
    """The line of a script at which a fit was called, 0 if it was called elsewhere."""
    here = [f.line for f in side.fit.stack if os.path.realpath(f.file) == os.path.realpath(path)]
    return here[-1] if here else 0


def _asked(side: Side) -> dict[str, Any]:
    noted = side.fit.notes.get(ASKED)
    return noted if isinstance(noted, dict) else {}


def _deciding_names(text: str, path: Path, side: Side) -> set[str]:
    """The names that choose something where it is decided what a fit is fed: a key, a condition, or
    what is called. The calls that lead to the fit and the heads of functions are not meant."""
    here = {f.line for f in side.fit.stack if os.path.realpath(f.file) == os.path.realpath(path)}
    way = here and deciding({path.name: text}, path.name, _line_here(side, path), chained=False)
    if not way:
        return set()
    lines = way.lines.get(path.name, frozenset()) - here
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
