"""Where in the user's code something was done."""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass
from pathlib import Path

_OURS = str(Path(__file__).resolve().parent.parent)
#: Where libraries lie: this interpreter's own places, ourselves, code that is in no file.
_LIBRARIES = (
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    _OURS,
    "<",
)
#: Folders of installed packages in whichever environment, layered ones and a user's own too.
_INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Frame:
    """One line of the user's code on a call stack (outermost first in a stack)."""

    file: str
    line: int
    function: str
    text: str = ""


def in_library(file: str) -> bool:
    """Whether a file holds code of a library, of Python's or of ours: nothing the user wrote."""
    if file.startswith(_LIBRARIES):
        return True
    return any(part in _INSTALLED for part in Path(file).parts)
