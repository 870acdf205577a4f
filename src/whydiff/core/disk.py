"""Files on disk: read with bounds, written whole or not at all, kept in a folder of ours.

Another person's file is never replaced unless that is what was asked for: a file of ours is known
by how it begins, not by its name.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from dataclasses import dataclass
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


def cache_folder() -> Path:
    """``whydiff`` in the user's cache folder."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "whydiff"


def private_folder(*names: str) -> Path | None:
    """A folder inside it, made where it is not there, into which only this user can write. None
    where that cannot be had."""
    folder = cache_folder().joinpath(*names)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except (OSError, RuntimeError):  # no room, no permission, no home
        return None
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return folder if mine and not others and os.access(folder, os.W_OK) else None


def drop_oldest(folder: Path, most: int) -> None:
    """Delete the oldest files of a folder until the others have at most so many bytes."""
    try:
        files = [(f.stat().st_mtime, f.stat().st_size, f) for f in folder.iterdir() if f.is_file()]
        total = sum(size for _, size, _ in files)
        for _, size, file in sorted(files, key=lambda known: known[0]):
            if total <= most:
                return
            file.unlink(missing_ok=True)
            total -= size
    except OSError:  # another process may be at it
        return


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
