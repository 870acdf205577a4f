"""Lines that print what a script measured of its own time or memory: no two runs print the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Set

from whydiff.script_text.edits import last_name

#: read a clock, or the memory of the process
_CLOCKS = frozenset(
    {"time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns",
     "process_time", "process_time_ns", "thread_time", "default_timer", "now", "utcnow",
     "get_traced_memory", "getrusage", "memory_info", "total_seconds"}
)  # fmt: skip
#: leave a measured time a measured time; what another function makes of it may be a result
_KEEPING = frozenset(
    {"round", "float", "int", "str", "sum", "min", "max", "abs", "mean", "median", "std", "average",
     "array", "format", "timedelta", "total_seconds"}
)  # fmt: skip
#: How a time is printed, and a value that is none: without decimals, which would be a result.
_TIME, _OTHER = r"[-+\d.,:e]+", r"[^.]*?"


def lines_of_timings(script: str) -> tuple[re.Pattern[str], ...]:
    """What the lines look like that print a time, or a number computed from times, and no other
    number with decimals; none where the text is no Python."""
    try:
        module = ast.parse(script)
    except (SyntaxError, ValueError):
        return ()
    timed = _timed_names(module)
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and last_name(node.func) in ("print", "info"):
            pieces = [piece for argument in node.args for piece in _pieces(argument, timed)]
            if _TIME in pieces:
                found.append(re.compile(r"\s*".join(pieces)))
    return tuple(found)


def _timed_names(module: ast.Module) -> Set[str]:
    """Names that hold a time wherever they are given something."""
    timed: set[str] = set()
    before = -1
    while len(timed) != before:
        before = len(timed)
        for node in ast.walk(module):
            match node:
                case (
                    ast.Assign(targets=[target], value=value)
                    | ast.AugAssign(target=target, value=value)
                ):
                    if _is_timed(value, timed):
                        timed.add(ast.unparse(target))
                case ast.Call(func=ast.Attribute(value=held, attr="append"), args=[value]):
                    if _is_timed(value, timed):
                        timed.add(ast.unparse(held))
    return timed


def _is_timed(node: ast.expr, timed: Set[str]) -> bool:
    match node:
        case ast.Name() | ast.Attribute():
            return ast.unparse(node) in timed
        case ast.BinOp(left=left, right=right):
            return _is_timed(left, timed) or _is_timed(right, timed)
        case ast.UnaryOp(operand=inner) | ast.Subscript(value=inner):
            return _is_timed(inner, timed)
        case ast.Call(func=func, args=arguments):
            name = last_name(func)
            held = [func.value] if isinstance(func, ast.Attribute) else []
            reads = name in _CLOCKS and not arguments
            kept = name in _KEEPING and any(_is_timed(a, timed) for a in (*held, *arguments))
            return reads or kept
    return False


def _pieces(node: ast.expr, timed: Set[str]) -> Iterator[str]:
    """A printed argument as patterns of its texts and values."""
    match node:
        case ast.Constant(value=value):
            yield _pattern(str(value))
        case ast.JoinedStr(values=values):
            for part in values:
                inner = part.value if isinstance(part, ast.FormattedValue) else part
                yield from _pieces(inner, timed)
        case _:
            yield _TIME if _is_timed(node, timed) else _OTHER


def _pattern(text: str) -> str:
    return r"\s+".join(re.escape(word) for word in text.split())
