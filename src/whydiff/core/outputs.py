"""Files of text that answers go to: whose they are, and writing them whole or not at all.

Another person's file is never replaced unless that is what was asked for: a file of ours is known
by how it begins, not by its name.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from whydiff.core.errors import WhydiffError

_HEAD = 4096


@dataclass(frozen=True)
class Kind:
    """One kind of file that we write: what it is called, and how each of them begins."""

    noun: str
    begins: re.Pattern[bytes]


PAGE = Kind(
    "page of whydiff",
    re.compile(rb'<!DOCTYPE html>[^>]*(?:<(?:html|head|meta)\b[^>]*>\s*)*<meta name="generator" '
               rb'content="whydiff'),
)  # fmt: skip
ANSWER = Kind("JSON of whydiff", re.compile(rb'\s*\{\s*"schema":\s*\d'))
MARKDOWN = Kind("Markdown of whydiff", re.compile(rb"<!-- whydiff -->"))
SARIF = Kind("SARIF of whydiff", re.compile(rb'(?s)\s*\{\s*"\$schema":[^{]*"version": "2\.1\.0",'
                                            rb'.*?"name": "whydiff"'))  # fmt: skip
DETAILS = Kind("details of a lock of whydiff", re.compile(rb"whydiff lock details\x00"))
LOCK = Kind("lock of whydiff", re.compile(rb'\s*\{\s*"whydiff lock":\s*\d'))


def check_replaced(path: Path, kind: Kind, way_out: str, force: bool = False) -> None:
    """``WhydiffError`` where something else than a file of that kind would be replaced.

    What is empty is nobody's; a pipe or a device is written to, never replaced.
    """
    if force or not path.is_file():
        return
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise WhydiffError(f"cannot read {path}: {error.strerror}", way_out) from None
    if head and not kind.begins.match(head):
        raise WhydiffError(f"{path} exists and is no {kind.noun}, so it is not replaced", way_out)


def write_whole(path: Path, text: str) -> None:
    """Write a file of text, or leave what is there. ``OSError`` where that fails.

    The text is written beside it under a name of our own, which nobody has made a link of, and
    renamed: a reader never sees half a file.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file, or leave what is there; see :func:`write_whole`."""
    if path.exists() and not path.is_file():  # /dev/null, a pipe
        with path.open("wb") as file:
            file.write(data)
        return
    descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=".whydiff-")
    part = Path(made)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        part.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
