"""Where in the script the two builds, or the two fits, of one run were started.

A stack says where an object was made; the seed belongs before the statement that builds the
*whole* model, not before each layer: else every layer would start from the same numbers.
"""

from __future__ import annotations

import ast
import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from whydiff.core.recording import Draw, Fit, Frame, Side
from whydiff.script_text.edits import (
    Place,
    Script,
    first_line,
    place_at,
    place_before,
    scope_name,
    spans,
)

Stack = tuple[Frame, ...]

_MODELS = frozenset(
    {"Sequential", "Model", "Functional", "clone_model", "load_model"}
    | {"model_from_json", "model_from_config"}
)
_BUILDERS = ("build", "make", "create", "get_model", "model")


@dataclass(frozen=True, eq=False)
class Spot:
    """A place for a line before a build or a fit, and the calls that led to it."""

    place: Place
    outer: tuple[tuple[str, int], ...]  # (file, line) of the frames further out


def own_draws(a: Side, b: Side) -> tuple[list[Draw], list[Draw]]:
    """What each model drew by itself: seeds that the script wrote and shared layers left out."""
    held = [
        [d for d in s.execution.ledger if d.fit == s.fit.index and not d.explicit and d.stack]
        for s in (a, b)
    ]
    common = {d.layer for d in held[0]} & {d.layer for d in held[1]} - {None}
    if common:
        held = [[d for d in side if d.layer in common] for side in held]
    return held[0], held[1]


def build_spots(script: Script, files: frozenset[str], draws: Sequence[Draw]) -> list[Spot]:
    """Places before the build that made these draws, innermost first."""
    stacks = [d.stack for d in sorted(draws, key=lambda d: d.number) if d.stack]
    if not stacks:
        return []
    shared = _shared(stacks)
    first = stacks[0]
    # One frame further the lines differ; it is one call still if file and function agree.
    at = {(f.file, f.function) for s in stacks for f in s[shared : shared + 1]}
    whole = len(at) == 1 and all(len(s) > shared for s in stacks)
    deepest = shared if whole else shared - 1
    found = []
    for depth in range(deepest, -1, -1):
        place = _place(script, files, first[depth])
        if place is None or not (_whole_model(script, place) or depth == 0):
            continue
        found.append(Spot(_out_of_layer_loops(script, place), _outer(first, depth)))
    return found


def fit_spots(script: Script, files: frozenset[str], fit: Fit) -> list[Spot]:
    """Places before a call of fit, innermost first."""
    found = []
    for depth in range(len(fit.stack) - 1, -1, -1):
        place = _place(script, files, fit.stack[depth])
        if place is not None:
            found.append(Spot(place, _outer(fit.stack, depth)))
    return found


def pair(script: Script, a: Sequence[Spot], b: Sequence[Spot]) -> list[Spot]:
    """The fewest, innermost places that are executed before both: one, two, or none."""
    pairs = list(itertools.product(a, b))
    for one, other in pairs:
        if one.place.offset == other.place.offset and _repeats(script, one, other):
            return [one]
    apart = [[one, other] for one, other in pairs if one.place.offset != other.place.offset]
    in_one_scope = (p for p in apart if len({script.scope(s.place.statement) for s in p}) == 1)
    return next(in_one_scope, apart[0] if apart else [])


def covers(script: Script, points: Sequence[Spot], a: Fit, b: Fit) -> bool:
    """Whether a seed set at the builds settles what the fits draw: no other fit runs between."""
    depth = len(points[0].outer) if points else 0
    if not points or any(len(s.outer) != depth for s in points):
        return False
    if len(a.stack) <= depth or len(b.stack) <= depth:
        return False
    scope = script.scope(points[0].place.statement)
    if any(f.stack[depth].function.rpartition(".")[2] != scope_name(scope) for f in (a, b)):
        return False
    line_a, line_b = a.stack[depth].line, b.stack[depth].line
    if len(points) == 2:
        return line_a < first_line(points[1].place.statement) <= line_b
    loops = script.loops(points[0].place.statement)
    return not loops or all(spans(loops[0], line) for line in (line_a, line_b))


def script_files(script: Path, recorded: str) -> frozenset[str]:
    """The spellings under which stacks may name the script's file."""
    names = {str(script), recorded}
    return frozenset(n for name in names if name for n in (name, os.path.realpath(name)))


def _shared(stacks: Sequence[Stack]) -> int:
    """Number of leading frames that all stacks have in common."""
    columns = zip(*([_key(f) for f in s] for s in stacks), strict=False)
    return next((i for i, c in enumerate(columns) if len(set(c)) > 1), min(map(len, stacks)))


def _key(frame: Frame) -> tuple[str, int, str]:
    return frame.file, frame.line, frame.function


def _outer(stack: Stack, depth: int) -> tuple[tuple[str, int], ...]:
    return tuple((f.file, f.line) for f in stack[:depth])


def _place(script: Script, files: frozenset[str], frame: Frame) -> Place | None:
    if frame.file not in files and os.path.realpath(frame.file) not in files:
        return None
    if frame.function.startswith("<") and frame.function != "<module>":
        return None  # a lambda or comprehension: its line says nothing about when it runs
    return place_at(script, frame.line, frame.function)


def _repeats(script: Script, a: Spot, b: Spot) -> bool:
    """Whether one place is executed once for each of the two."""
    in_function = script.scope(a.place.statement) is not script.tree
    return a.outer != b.outer or in_function or bool(script.loops(a.place.statement))


def _out_of_layer_loops(script: Script, place: Place) -> Place:
    """Move out of loops that add layers; a loop that builds whole models is left alone."""
    for loop in script.loops(place.statement):
        if makes_model(script, loop):
            break
        place = place_before(script, loop) or place
    return place


def _whole_model(script: Script, place: Place) -> bool:
    """Whether a model comes into being where the place is, rather than a part of one."""
    scope = script.scope(place.statement)
    if isinstance(scope, ast.Module):
        return True
    if isinstance(scope, ast.ClassDef) or scope.name == "__init__":
        return False
    return makes_model(script, scope)


def makes_model(script: Script, node: ast.AST, seen: frozenset[str] = frozenset()) -> bool:
    """Whether executing ``node`` makes a whole model, as far as its text says."""
    definitions = {
        d.name: d
        for d in ast.walk(script.tree)
        if isinstance(d, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    for call in (n for n in ast.walk(node) if isinstance(n, ast.Call)):
        func = call.func
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if name in _MODELS or ".applications." in ast.unparse(func):
            return True
        if name in seen:
            continue
        known = definitions.get(name)
        if isinstance(known, ast.ClassDef):
            if _model_class(known, definitions):
                return True
        elif known is not None:
            if makes_model(script, known, seen | {name}):
                return True
        elif isinstance(func, ast.Name) and any(word in name.lower() for word in _BUILDERS):
            return True  # an imported function that says what it does
    return False


def _model_class(cls: ast.ClassDef, definitions: Mapping[str, ast.AST]) -> bool:
    for base in cls.bases:
        name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
        known = definitions.get(name)
        if name in _MODELS:
            return True
        if (
            isinstance(known, ast.ClassDef)
            and known is not cls
            and _model_class(known, definitions)
        ):
            return True
    return False
