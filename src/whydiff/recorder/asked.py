"""What a script was asked for where it trains: plain values that its own frames were given."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

from whydiff.core.stack import in_library, runs_cell
from whydiff.keras_backend.code import is_users
from whydiff.recorder.measuring.formulas.frames import names_in

_PLAIN = (bool, int, float, str, type(None))
_WORD = re.compile(r"[^\W\d]\w*")
_SECRET = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)
#: Values and frames that are kept, and characters of a text.
_MOST, _MOST_FRAMES, _LONGEST = 60, 8, 80


def asked_for(lines: dict[tuple[str, int], str]) -> dict[str, Any] | None:
    """Names with the plain values that they had in the frames of the script that led here: what its
    functions were given, what their objects hold, and what their lines name.

    ``lines`` are the texts of these frames' lines, by file and number. The innermost frame counts.
    """
    found: dict[str, Any] = {}
    for frame in _frames():
        code = frame.f_code
        names = names_in(frame)
        given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        named = _WORD.findall(lines.get((code.co_filename, frame.f_lineno), ""))
        values = [(name, names[name]) for name in (*given, *named) if name in names]
        for name, value in values:
            if is_users(type(value)) and name == "self":
                values += [(key, v) for key, v in vars(value).items()] if _has(value) else []
            elif isinstance(value, _PLAIN) and len(found) < _MOST and not _private(name, value):
                found.setdefault(name, value)
    return found


def _private(name: str, value: Any) -> bool:
    """Whether a value may be none that a recording should hold."""
    return len(str(value)) > _LONGEST or bool(_SECRET.search(name))


def _has(thing: Any) -> bool:
    return isinstance(getattr(thing, "__dict__", None), dict)


def _frames() -> Iterator[Any]:
    frame: Any = sys._getframe(2)
    left = _MOST_FRAMES
    while frame is not None and left:
        file = frame.f_code.co_filename
        if not in_library(file):
            left -= 1
            yield frame
        elif runs_cell(file, frame.f_code.co_name):
            return
        frame = frame.f_back
