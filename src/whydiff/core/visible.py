"""Values as they are shown and written: text that steers nothing, JSON values, names for paths."""

from __future__ import annotations

import math
import re
import shutil
import textwrap
from dataclasses import fields, is_dataclass, replace
from typing import Any, TextIO, TypeVar

#: Characters that no terminal should get: control characters, those that change the direction of
#: the text around them, line and paragraph separators, halves of a character.
_STEERING = (
    "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
)
_BUT_LINES = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_STEERING}]")


def without_steering(text: str) -> str:
    """The text without such characters; lines and tabs stay."""
    return _BUT_LINES.sub("", text)


def spelled(text: str) -> str:
    """The text with such characters spelled out, as ``\\x1b``; lines and tabs stay."""
    return _BUT_LINES.sub(_escape, text)


def json_spelled(text: str) -> str:
    """JSON text that means the same and holds none of them; its line ends stay.

    JSON has them only inside strings, where an escape may stand for any character.
    """
    return _BUT_LINES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def fitted(line: str, stream: TextIO) -> str:
    """A line as a terminal gets it: on a narrow one it goes on below, indented, with whole words.

    A place in a file (``train.py:7:1``) stays in one piece. What is no terminal, an editor that
    jumps to places, gets the line as it is.
    """
    columns = shutil.get_terminal_size().columns if stream.isatty() else 0
    if not 0 < columns < len(line):
        return line
    indent = " " * (len(line) - len(line.lstrip()))
    return "\n".join(
        textwrap.wrap(
            line, columns, subsequent_indent=indent or "  ",
            break_long_words=False, break_on_hyphens=False,
        )
    )  # fmt: skip


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


Value = TypeVar("Value")


def renamed(value: Value, place: str, name: str) -> Value:
    """A value, and what it holds, with ``name`` where its texts say ``place``."""
    changed: object = value
    if isinstance(value, str):
        changed = value.replace(place, name)
    elif isinstance(value, dict):
        changed = {renamed(k, place, name): renamed(v, place, name) for k, v in value.items()}
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        changed = type(value)(*(renamed(one, place, name) for one in value))
    elif isinstance(value, list | tuple):
        changed = type(value)(renamed(one, place, name) for one in value)
    elif is_dataclass(value) and not isinstance(value, type):
        held = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        changed = replace(value, **{n: renamed(v, place, name) for n, v in held.items()})
    return changed  # type: ignore[return-value]  # of the same type


def plain(value: Any) -> Any:
    """JSON values only: NumPy numbers become Python's, what is not a finite number null."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
