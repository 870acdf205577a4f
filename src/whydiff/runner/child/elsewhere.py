"""A script of a revision whose modules are not: what it imported from the files of today.

Only the standard library is imported here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from whydiff.core.stack import FROM_ELSEWHERE, in_library


def say_what_came_from_elsewhere(checkout: Mapping[str, str]) -> None:
    """Say on stderr which module a script of ``checkout`` took from the person's own files.

    ``checkout`` holds the paths ``root`` (of the repository) and ``folder`` (of the revision); it
    is empty for a script that is run as it is.
    """
    for name, file in _modules() if checkout else ():
        inside = os.path.relpath(file, checkout["root"])
        if inside.startswith(os.pardir) or in_library(file):
            continue
        then = os.path.join(checkout["folder"], inside)  # noqa: PTH118
        if not file.startswith(checkout["folder"]) and os.path.realpath(then) != file:
            sys.stderr.write(f"whydiff: imported {name} {FROM_ELSEWHERE}: {file}\n")


def _modules() -> list[tuple[str, str]]:
    """Imported modules with the files they came from."""
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name != "__main__" and isinstance(file, str) and file.endswith(".py"):
            found.append((name, os.path.realpath(file)))
    return found
