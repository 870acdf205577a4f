"""Copies of folders for one run each, where the system has no overlays.

Only the standard library is imported: the process of a script uses this before anything else.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

#: A folder that holds more bytes is not copied again and again; clones of files count nothing.
LARGEST = 2 << 30
#: ``ioctl`` request of Linux that lets two files share their blocks until one is written to.
_FICLONE = 0x40049409


def copy_folder(source: Path, target: Path, covered: Sequence[Mapping[str, str]] = ()) -> None:
    """A copy with equal times. Links stay links; pipes and sockets are left out.

    Of ``covered`` folders that lie elsewhere (see :func:`moved`) links lead into the copies, and
    environments of Python are linked: who runs a script has started its Python from there.
    """
    target.mkdir(parents=True, exist_ok=True)
    for entry in os.scandir(source):
        there = target / entry.name
        if entry.is_symlink():
            there.symlink_to(moved(os.readlink(entry.path), covered))  # noqa: PTH115
        elif entry.is_dir() and covered and is_environment(Path(entry.path)):
            there.symlink_to(entry.path)
        elif entry.is_dir():
            copy_folder(Path(entry.path), there, covered)
        elif entry.is_file():
            if not clone(Path(entry.path), there):
                shutil.copyfile(entry.path, there)
            shutil.copystat(entry.path, there)
    shutil.copystat(source, target)


def moved(path: str, covered: Sequence[Mapping[str, str]]) -> str:
    """Where ``path`` leads in a process that runs on copies which lie elsewhere.

    Such a copy of ``covered`` has the ``folder`` that it lies in and the one that it ``is of``.
    """
    for one in covered:
        original = one.get("is of")
        if original and (path == original or path.startswith(original + os.sep)):
            return one["folder"] + path[len(original) :]
    return path


def with_moved_path(
    environment: Mapping[str, str], covered: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """An environment whose PYTHONPATH leads into copies that lie elsewhere."""
    path = environment.get("PYTHONPATH")
    if not path:
        return dict(environment)
    places = [moved(place, covered) for place in path.split(os.pathsep)]
    return {**environment, "PYTHONPATH": os.pathsep.join(places)}


def is_environment(folder: Path) -> bool:
    """Whether a folder holds a Python with its packages."""
    return (folder / "pyvenv.cfg").exists() or (folder / "conda-meta").exists()


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


def _file_size(path: Path) -> int:
    """The bytes of a regular file, 0 for whatever else a path may be."""
    with contextlib.suppress(OSError):
        mode = path.lstat()
        if stat.S_ISREG(mode.st_mode):
            return mode.st_size
    return 0


def too_large(
    folder: Path, place: Path, without_environments: bool = False, largest: int | None = None
) -> bool:
    """Whether copies of a folder below ``place`` would take more than ``largest`` bytes."""
    total, largest = 0, LARGEST if largest is None else largest
    for top, folders, names in os.walk(folder):
        if without_environments:
            folders[:] = [name for name in folders if not is_environment(Path(top) / name)]
        for path in (Path(top) / name for name in names):
            size = _file_size(path)
            if total == 0 and size and clone(path, place / "clone"):
                return False
            total += size
        if total > largest:
            return True
    return False


def changes(
    original: Path, copy: Path, covered: Sequence[Mapping[str, str]] = ()
) -> Iterator[tuple[Path, bool]]:
    """What a run changed in its copy: each path from the folder, and whether it is gone.

    A folder that is gone comes before what was in it. ``covered`` is as for :func:`copy_folder`.
    """
    after = {p.relative_to(copy): p for p in copy.rglob("*")}
    linked = [name for name, p in after.items() if _leads_to(p, original / name)]
    for name in linked:
        del after[name]
    before = {p.relative_to(original): p for p in below(original, {original / n for n in linked})}
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        if other is None:
            if not _special(before[name]):
                yield name, True
        elif one is None or _state(one, covered) != _state(other):
            yield name, False


def _leads_to(path: Path, original: Path) -> bool:
    return path.is_symlink() and os.readlink(path) == str(original)  # noqa: PTH115


def below(folder: Path, leave: Collection[Path] = ()) -> Iterator[Path]:
    """All that is in a folder, without ``leave`` and what is in these."""
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if path in leave:
            continue
        yield path
        if entry.is_dir(follow_symlinks=False):
            yield from below(path, leave)


def _special(path: Path) -> bool:
    mode = path.lstat().st_mode
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def _state(path: Path, covered: Sequence[Mapping[str, str]] = ()) -> tuple[object, ...]:
    """Kind, and of a file its size and time, of a link where it leads."""
    found = path.lstat()
    kind = stat.S_IFMT(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        return kind, moved(os.readlink(path), covered)  # noqa: PTH115 - as it is written
    return (kind, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else (kind,)
