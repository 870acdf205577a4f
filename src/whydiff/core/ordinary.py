"""Reading a file that somebody names: an ordinary one, of bounded size, or a clear refusal."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from whydiff.core.errors import WhydiffError

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def kind_of_file(path: Path) -> str:
    """What a file is in words, "" for an ordinary one (or a link to one). ``OSError`` if none."""
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return ""
    return next((name for test, name in _KINDS if test(mode)), "no ordinary file")


def read_bytes(path: Path, most: int) -> bytes:
    """The content of an ordinary file of at most ``most`` bytes.

    ``WhydiffError`` for a pipe, a device or a larger file, before anything is read; ``OSError``
    for a file that is missing or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            what = kind_of_file(path) or "no ordinary file"
            raise WhydiffError(f"cannot read {path}: it is {what}", "Name an ordinary file.")
        data = file.read(most + 1) if status.st_size <= most else b""
    if status.st_size > most or len(data) > most:
        raise WhydiffError(
            f"{path} is too large: it has {status.st_size} bytes, and at most {most} are read",
            "Name another file.",
        )
    return data
