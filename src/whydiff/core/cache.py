"""The folder in which whydiff keeps what it can make again."""

from __future__ import annotations

import os
import stat
from pathlib import Path


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
