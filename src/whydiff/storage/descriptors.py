"""File descriptors of a recording, in a process whose script may close any of them.

A script that closes "all other" descriptors, as daemons do, closes SQLite's. What it opens next
gets their numbers, and SQLite would write into it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

#: Descriptors below are those that scripts close one and all.
_HIGH = 300
#: Where so many descriptors are not allowed, so many are left for what is opened now.
_SPARE = 8
_OPEN_HERE = Path("/proc/self/fd")


@contextlib.contextmanager
def out_of_reach() -> Iterator[None]:
    """Files opened meanwhile get high numbers, which scripts that close low ones leave alone."""
    taken: list[int] = []
    try:
        try:
            while not taken or taken[-1] < _HIGH:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            for descriptor in taken[-_SPARE:]:
                os.close(descriptor)
            del taken[-_SPARE:]
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)


class Descriptors:
    """The descriptors by which this process holds ``path`` and what SQLite keeps beside it."""

    def __init__(self, path: Path) -> None:
        self._files: dict[int, tuple[int, int]] = {}
        with contextlib.suppress(OSError):
            prefix = str(path.resolve())
            for name in os.listdir(_OPEN_HERE):  # noqa: PTH208 - a name each, no paths
                with contextlib.suppress(OSError):
                    if str((_OPEN_HERE / name).readlink()).startswith(prefix):
                        self._files[int(name)] = _identity(int(name))

    def lost(self) -> bool:
        """Whether one of them has been closed, and perhaps opened as another file."""
        try:
            return any(_identity(number) != known for number, known in self._files.items())
        except OSError:
            return True


def never_closed(connection: sqlite3.Connection) -> None:
    """Keep a connection from ever closing descriptors that are not its own any more."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
