"""Keeping the user's folders as they are while a script runs in them, again and again.

Every run sees the folders under their own paths and in the same starting state; what it
writes goes to a folder of ours (see ``child/enter.py``) and is listed when it is over. With
overlays nothing is copied beforehand, however large the folders are; where the system has none,
every run gets a copy, which is mounted in the place of the folder.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from whydiff.core.temporary import temporary_folder
from whydiff.runner.copies import changes, copy_folder, too_large

_ENTER = Path(__file__).parent / "child" / "enter.py"
_PARTS = ("lower", "upper", "work")
#: ``copies`` in this environment variable: no overlays, whatever the system has.
_HOW = "WHYDIFF_SCRATCH"
#: What Python and notebooks write by themselves: nobody's results.
_BYPRODUCTS = ("__pycache__", ".ipynb_checkpoints")


@dataclass(frozen=True)
class Place:
    """Where scripts run: on scratch copies of ``folders``, or with none of them in place.

    ``warning`` says why they run in place although nobody asked for that. With ``copies`` whole
    copies are made, else overlays.
    """

    folders: tuple[Path, ...] = ()
    warning: str = ""
    copies: bool = False

    @property
    def text(self) -> str:
        """``on scratch copies of the current folder``, of one with its path, or ``in place``."""
        if not self.folders:
            return "in place"
        here = Path.cwd()
        named = ("the current folder" if f == here else str(f) for f in self.folders)
        return f"on scratch copies of {' and '.join(named)}"


def place_for(
    scripts: Sequence[Path], in_place: bool = False, others: Sequence[Path] = ()
) -> Place:
    """Scratch copies of the working folder, the scripts' folders and others, where possible."""
    if in_place:
        return Place()
    folders = outermost([Path.cwd(), *(script.absolute().parent for script in scripts), *others])
    why = next(filter(None, map(_unsuitable, folders)), "")  # before anything is tried
    for copies in (False, True) if not why else ():
        why = next(filter(None, (_unprotectable(folder, copies) for folder in folders)), "")
        if not why:
            return Place(folders, copies=copies)
    return Place((), f"scripts run in place and change files there: {why}")


def outermost(folders: Sequence[Path]) -> tuple[Path, ...]:
    """The folders that lie in no other of them, in their order."""
    resolved = list(dict.fromkeys(folder.resolve() for folder in folders))
    return tuple(f for f in resolved if not any(other in f.parents for other in resolved))


def _unsuitable(folder: Path) -> str:
    """Why there can be neither an overlay nor a copy of ``folder``, else ""."""
    ours = Path(tempfile.gettempdir()).resolve()
    if folder == ours or folder in ours.parents:
        return f"{folder} holds the folder of temporary files"
    if not sys.platform.startswith("linux"):
        return f"{sys.platform} has neither overlays nor mounts of a process's own"
    if os.geteuid() not in (0, folder.stat().st_uid):
        return f"{folder} belongs to somebody else"
    return ""


@functools.lru_cache(maxsize=64)
def _unprotectable(folder: Path, copies: bool = False) -> str:
    """Why no overlay or copy of ``folder`` can be mounted, or ""; tried on an empty program."""
    if not copies and os.environ.get(_HOW) == "copies":
        return f"{_HOW} says so"
    if not copies and any(character in str(folder) for character in ",:\\"):
        return f"the name of {folder} holds a character that an overlay cannot take"
    with temporary_folder() as name:
        if copies and too_large(folder, Path(name)):
            return f"{folder} is too large to be copied for every run (more than 2 GB)"
        try:
            cover = Cover((folder,), Path(name) / "probe", copies)
        except OSError as error:
            return f"{folder} cannot be copied ({error})"
        tried = subprocess.run([*cover.prefix, "/bin/true"], capture_output=True, text=True)
        cover.remove()
    what = "copy can be mounted" if copies else "overlay"
    return "" if tried.returncode == 0 else f"no {what} here ({tried.stderr.strip()})"


class Cover:
    """The overlays, or ``copies``, of one run over ``folders``, kept below ``place``.

    ``prefix`` is what stands before the command that is to run on them.
    """

    def __init__(self, folders: Sequence[Path], place: Path, copies: bool = False) -> None:
        self.place, self.copies = place, copies
        self.folders = [
            {"folder": str(folder), **{part: str(place / f"{k}-{part}") for part in _PARTS}}
            for k, folder in enumerate(folders)
        ]
        for one in self.folders:
            for part in _PARTS:
                Path(one[part]).mkdir(parents=True)
            if copies:
                one["copied"] = "yes"
                copy_folder(Path(one["folder"]), Path(one["upper"]))

    @property
    def prefix(self) -> list[str]:
        """The program that covers the folders and then becomes the command."""
        specification = json.dumps({"parent": os.getpid(), "folders": self.folders})
        return [sys.executable, "-I", "-S", str(_ENTER), specification]

    def written(self) -> list[str]:
        """Files that were written, changed or removed: ``results.csv``, ``old.log (removed)``.

        Named from the first folder, where the person stands; others in full.
        """
        names = []
        for k, one in enumerate(self.folders):
            upper = Path(one["upper"])
            for inside, removed in self._changed(one):
                path = upper / inside
                if any(part in _BYPRODUCTS for part in inside.parts) or path.suffix == ".pyc":
                    continue
                name = str(inside) if k == 0 else str(Path(one["folder"]) / inside)
                if removed:
                    if (Path(one["folder"]) / inside).is_dir():
                        continue  # what was in it is listed
                    names.append(f"{name} (removed)")
                elif not stat.S_ISDIR(path.lstat().st_mode):
                    names.append(name)
        return names

    def _changed(self, one: Mapping[str, str]) -> Iterator[tuple[Path, bool]]:
        """Paths that were written or removed, from the folder, and whether they are gone."""
        upper = Path(one["upper"])
        if self.copies:
            yield from changes(Path(one["folder"]), upper)
            return
        for path in sorted(upper.rglob("*")):  # a device: an overlay's mark for what is gone
            yield path.relative_to(upper), stat.S_ISCHR(path.lstat().st_mode)

    def remove(self) -> None:
        """Throw away what the execution wrote."""
        for one in self.folders:
            for inner in Path(one["work"]).glob("*"):
                inner.chmod(0o700)  # the kernel leaves it closed to everybody
        shutil.rmtree(self.place, ignore_errors=True)
