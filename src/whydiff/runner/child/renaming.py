"""Folders that were there before can be renamed on an overlay, too.

The kernel refuses to rename there what it would have to redirect (EXDEV: "invalid cross-device
link"), so a script that moves the results of its last run aside would fail on an overlay alone.
Here such a folder is made anew under its new name and its files are renamed one by one. Only what
Python has imported itself is imported: a module beside the script may have any name.
"""

import os

MYPY = False
if MYPY:  # for those who check types: `typing` is not imported
    from collections.abc import Callable, Sequence
    from typing import Any

_EXDEV = 18


def let_folders_be_renamed(overlays: "Callable[[], Sequence[str]]") -> None:
    """From now on, in folders under ``overlays``: these are asked for where the kernel refuses."""
    for name in ("rename", "replace"):
        setattr(os, name, _renaming(getattr(os, name), overlays))


def _renaming(
    original: "Callable[..., None]", overlays: "Callable[[], Sequence[str]]"
) -> "Callable[..., None]":
    def rename(
        src: "Any", dst: "Any", *, src_dir_fd: "Any" = None, dst_dir_fd: "Any" = None
    ) -> None:
        try:
            original(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        except OSError as error:
            by_path = src_dir_fd is None and dst_dir_fd is None
            if error.errno != _EXDEV or not by_path or not _under_one(overlays(), src, dst):
                raise
        else:
            return
        _move(original, src, dst)

    rename.__name__, rename.__qualname__ = original.__name__, original.__qualname__
    rename.__doc__, rename.__module__ = original.__doc__, original.__module__
    return rename


def _under_one(overlays: "Sequence[str]", src: "Any", dst: "Any") -> bool:
    one, other = (
        os.path.join(os.path.realpath(os.path.dirname(os.path.abspath(os.fsdecode(path)))), "")
        for path in (src, dst)
    )
    return any(
        one.startswith(os.path.join(folder, "")) and other.startswith(os.path.join(folder, ""))
        for folder in overlays
    )


def _move(rename: "Callable[..., None]", src: "Any", dst: "Any") -> None:
    """A folder under its new name, with its files and times, as a rename leaves it."""
    before = os.stat(src)
    if os.path.isdir(dst):
        os.rmdir(dst)  # as a rename does, which refuses one that is not empty
    os.mkdir(dst)
    for entry in list(os.scandir(src)):
        there = os.path.join(dst, entry.name)
        if entry.is_dir(follow_symlinks=False):
            _move(rename, entry.path, there)
        else:
            rename(entry.path, there)
    os.rmdir(src)
    os.chmod(dst, before.st_mode & 0o7777)
    os.utime(dst, ns=(before.st_atime_ns, before.st_mtime_ns))
