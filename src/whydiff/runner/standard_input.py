"""Standard input for scripts that read it: what a person piped in, from the beginning each time."""

from __future__ import annotations

import functools
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

#: text of a script that reads its standard input
_READS = re.compile(rb"\bsys\.stdin\b|\binput\s*\(|\bfileinput\b|/dev/stdin|\bopen\(\s*0\b")


def for_script(script: Path) -> IO[bytes] | int:
    """What the process of a script is given as standard input.

    Nothing, unless its text reads some and a file or a pipe is there: a pipe that nobody closes
    would be waited for in vain.
    """
    try:
        reads = _READS.search(script.read_bytes()) is not None
    except OSError:
        reads = False
    given = _given() if reads else None
    if given is None:
        return subprocess.DEVNULL
    # A copy: processes that share one open file share the place in it, and some run at once.
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the last reference to it
    given.seek(0)
    shutil.copyfileobj(given, copy)
    copy.seek(0)
    return copy


@functools.cache
def _given() -> IO[bytes] | None:
    """All of our own standard input, read once; None where that is a terminal or nothing."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # closed, or replaced by something else
        return None
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        return None
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - as long as we live; it has no name to remove
    shutil.copyfileobj(sys.stdin.buffer, kept)
    return kept
