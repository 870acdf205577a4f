"""Text from files, names and paths, such that it steers neither a terminal nor a reader's eye."""

from __future__ import annotations

import re

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


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
