"""Copies of folders for one run each, where the system has no overlays.

Only the standard library is imported: the process of a script uses this before anything else.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

#: A folder that holds more bytes is not copied again and again; clones of files count nothing.
LARGEST = 2 << 30
#: ``ioctl`` request of Linux that lets two files share their blocks until one is written to.
_FICLONE = 0x40049409


def copy_folder(source: Path, target: Path) -> None:
    """A copy with equal times. Links stay links; pipes and sockets are left out."""
    target.mkdir(parents=True, exist_ok=True)
    for entry in os.scandir(source):
        there = target / entry.name
        if entry.is_symlink():
            there.symlink_to(os.readlink(entry.path))  # noqa: PTH115 - as it is written
        elif entry.is_dir():
            copy_folder(Path(entry.path), there)
        elif entry.is_file():
            if not clone(Path(entry.path), there):
                shutil.copyfile(entry.path, there)
            shutil.copystat(entry.path, there)
    shutil.copystat(source, target)


def clone(source: Path, target: Path) -> bool:
    """Whether ``target`` was made to share the blocks of ``source`` (Btrfs, XFS, bcachefs)."""
    if not sys.platform.startswith("linux"):
        return False
    import fcntl

    try:
        with source.open("rb") as one, target.open("wb") as other:
            fcntl.ioctl(other.fileno(), _FICLONE, one.fileno())
    except OSError:
        target.unlink(missing_ok=True)
        return False
    return True


def too_large(folder: Path, place: Path) -> bool:
    """Whether copies of a folder below ``place`` would take more than ``LARGEST`` bytes."""
    total = 0
    for top, _, names in os.walk(folder):
        for name in names:
            path = Path(top) / name
            with contextlib.suppress(OSError):
                mode = path.lstat()
                if not stat.S_ISREG(mode.st_mode):
                    continue
                if total == 0 and mode.st_size and clone(path, place / "clone"):
                    return False
                total += mode.st_size
        if total > LARGEST:
            return True
    return False


def changes(original: Path, copy: Path) -> Iterator[tuple[Path, bool]]:
    """What a run changed in its copy: each path from the folder, and whether it is gone.

    A folder that is gone comes before what was in it.
    """
    before, after = ({p.relative_to(top): p for p in top.rglob("*")} for top in (original, copy))
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        if other is None:
            if not _special(before[name]):
                yield name, True
        elif one is None or _state(one) != _state(other):
            yield name, False


def _special(path: Path) -> bool:
    mode = path.lstat().st_mode
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def _state(path: Path) -> tuple[object, ...]:
    """Kind, and of a file its size and time, of a link where it leads."""
    found = path.lstat()
    kind = stat.S_IFMT(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        return kind, os.readlink(path)  # noqa: PTH115 - as it is written
    return (kind, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else (kind,)
