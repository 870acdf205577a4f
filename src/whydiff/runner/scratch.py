"""Keeping the user's folders as they are while a script runs in them, again and again.

Every run sees the folders under their own paths and in the same starting state; what it
writes goes to a folder of ours (see ``child/enter.py``) and is listed when it is over. With
overlays nothing is copied beforehand, however large the folders are; where the system has none,
every run gets a copy, which is mounted in the place of the folder. Where a process may mount
nothing (most containers, macOS) it runs in the copy itself, under another path.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import itertools
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from whydiff.core.stack import in_library
from whydiff.core.temporary import temporary_folder
from whydiff.core.words import listed
from whydiff.runner.copies import (
    below,
    changes,
    copy_folder,
    is_environment,
    moved,
    too_large,
)  # fmt: skip

#: How scripts are kept from the user's folders, the best first: the last under another path.
Means = Literal["overlays", "copies", "moved"]
MEANS: tuple[Means, ...] = ("overlays", "copies", "moved")
_MOVED = (
    "the copies lie in another folder: what a script names by an absolute path is the original "
    "({why})"
)
_ENTER = Path(__file__).parent / "child" / "enter.py"
_PARTS = ("lower", "upper", "work")
#: One of ``MEANS`` in this environment variable: none of those before it.
_HOW = "WHYDIFF_SCRATCH"
#: Entries among which links are looked for, in all and in one folder.
_MOST_ENTRIES, _MOST_IN_ONE = 10_000, 1000
#: So many folders elsewhere are covered; more mounts would only slow each run.
_MOST_ELSEWHERE = 8
#: A folder elsewhere that holds more bytes is not copied: mostly it is data that are only read.
_LARGEST_ELSEWHERE = 256 << 20
#: So many folders are named in a line.
_MOST_NAMED = 4
#: Whatever links lead there, no script keeps results in them.
_OF_SYSTEM = ("/proc", "/sys", "/dev", "/usr", "/etc")
#: What Git keeps for itself.
_GIT = ".git"
#: how a space stands in a list of mounts
_OCTAL = re.compile(r"\\([0-7]{3})")
#: What Python and notebooks write by themselves: nobody's results.
_BYPRODUCTS = ("__pycache__", ".ipynb_checkpoints")


@dataclass(frozen=True)
class Place:
    """Where scripts run: on scratch copies of ``folders``, or with none of them in place.

    ``warning`` says why they run in place although nobody asked for that, or under other paths.
    """

    folders: tuple[Path, ...] = ()
    warning: str = ""
    means: Means = "overlays"

    @property
    def text(self) -> str:
        """``on scratch copies of the current folder``, of one with its path, or ``in place``."""
        if not self.folders:
            return "in place"
        here = Path.cwd()
        named = ["the current folder" if f == here else str(f) for f in self.folders]
        if len(named) > _MOST_NAMED:
            named[_MOST_NAMED - 1 :] = [f"{len(named) - _MOST_NAMED + 1} more"]
        return f"on scratch copies of {listed(named)}"

    @property
    def shown(self) -> list[Path]:
        """What is mounted below the folders and shown as it is: what is written there stays."""
        return shown_as_they_are(self.folders) if self.means == "overlays" else []

    def covers(self, file: Path) -> bool:
        """Whether nothing stays of what a script writes to a file."""
        real = file.resolve()
        inside = any(real.is_relative_to(folder) for folder in self.folders)
        return inside and not any(real.is_relative_to(mount) for mount in self.shown)


def place_for(
    scripts: Sequence[Path], in_place: bool = False, others: Sequence[Path] = ()
) -> Place:
    """Scratch copies of the working folder, the scripts' folders and others, where possible.

    ``others`` hold links to data and cannot be moved.
    """
    if in_place:
        return Place()
    own = (script.absolute() for script in scripts)  # `-m unittest` is none: nothing goes there
    beside = [script.parent for script in own if not in_library(str(script))]
    folders = outermost([Path.cwd(), *beside, *others])
    why = next(filter(None, map(_unsuitable, folders)), "")  # before anything is tried
    for means in MEANS[: 2 if others else 3] if not why else ():
        before = why
        why = next(filter(None, (_unprotectable(folder, means) for folder in folders)), "")
        if not why:
            folders = (*folders, *_elsewhere(folders, means))
            return Place(folders, _MOVED.format(why=before) if means == "moved" else "", means)
    return Place((), f"scripts run in place and change files there: {why}")


def outermost(folders: Sequence[Path]) -> tuple[Path, ...]:
    """The folders that lie in no other of them, or are mounted there, in their order."""
    resolved = list(dict.fromkeys(folder.resolve() for folder in folders))
    within = {f for f in resolved if any(other in f.parents for other in resolved)}
    return tuple(f for f in resolved if f not in within or os.path.ismount(f))


def _elsewhere(folders: Sequence[Path], means: Means) -> Iterator[Path]:
    """Folders elsewhere that scripts reach from ``folders`` and that can be covered, too.

    What a script writes through ``data -> /mnt/store`` would be there afterwards. What is mounted
    below a folder is none of the file system that an overlay shows.
    """
    known = list(folders)
    for link in _linked(known):
        apart = not any(link in (k, *k.parents) or k in link.parents for k in known)
        if apart and not _uncoverable(link, means):
            known.append(link)
            yield link
        if len(known) >= len(folders) + _MOST_ELSEWHERE:
            break
    if means == "overlays":
        mounts = (one for one in mounts_below(known) if one.is_dir())
        yield from (one for one in mounts if not _uncoverable(one, means))


def _uncoverable(folder: Path, means: Means) -> str:
    """Why a folder elsewhere is not covered, else ""."""
    if means != "overlays":
        with temporary_folder() as name:
            if too_large(folder, Path(name), means == "moved", _LARGEST_ELSEWHERE):
                return f"{folder} is too large"
    return _unsuitable(folder) or _unprotectable(folder, means)


def _linked(folders: list[Path]) -> Iterator[Path]:
    """Where links in ``folders`` lead, the nearest first: to a folder or into the one of a file.

    The folders that are added meanwhile are looked through as well.
    """
    waiting, looked, left = collections.deque[Path](), 0, _MOST_ENTRIES
    while left > 0:
        waiting.extend(folders[looked:])
        looked = len(folders)
        if not waiting:
            return
        try:
            entries = list(itertools.islice(os.scandir(waiting.popleft()), min(left, _MOST_IN_ONE)))
        except OSError:  # closed to us, or gone
            continue
        left -= len(entries)
        for entry in entries:
            if entry.is_symlink():
                yield from _leads_into(Path(entry.path))
            elif entry.is_dir() and entry.name != _GIT and not is_environment(Path(entry.path)):
                waiting.append(Path(entry.path))


def _leads_into(link: Path) -> Iterator[Path]:
    """The folder that is written to through a link, if there is one."""
    with contextlib.suppress(OSError, RuntimeError):  # one that leads to itself
        target = link.resolve()
        folder = target if target.is_dir() else target.parent
        written = folder == target or target.is_file() or not target.exists()
        of_system = any(folder.is_relative_to(top) for top in _OF_SYSTEM)
        if written and folder.is_dir() and not of_system and not is_environment(folder):
            yield folder


def shown_as_they_are(folders: Sequence[Path]) -> list[Path]:
    """What is mounted below ``folders`` and covered by no overlay of its own."""
    return [mount for mount in mounts_below(folders) if mount not in folders]


def mounts_below(folders: Sequence[Path]) -> list[Path]:
    """What is mounted inside of ``folders``, those that hold others first; [] if nobody says."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []
    points = {Path(_OCTAL.sub(lambda m: chr(int(m[1], 8)), line.split()[4])) for line in lines}
    return sorted(p for p in points if any(folder in p.parents for folder in folders))


def _unsuitable(folder: Path) -> str:
    """Why there can be neither an overlay nor a copy of ``folder``, else ""."""
    ours = Path(tempfile.gettempdir()).resolve()
    if folder == ours or folder in ours.parents:
        return f"{folder} holds the folder of temporary files"
    return ""


@functools.lru_cache(maxsize=64)
def _unprotectable(folder: Path, means: Means = "overlays") -> str:
    """Why ``folder`` cannot be protected by these means, or ""; tried on an empty program."""
    least = os.environ.get(_HOW)
    if least in MEANS and MEANS.index(means) < MEANS.index(least):
        return f"{_HOW} says so"
    if means != "moved" and not sys.platform.startswith("linux"):
        return f"{sys.platform} has neither overlays nor mounts of a process's own"
    if means != "moved" and os.geteuid() not in (0, folder.stat().st_uid):
        return f"{folder} belongs to somebody else"
    with temporary_folder() as name:
        if means != "overlays" and too_large(folder, Path(name), means == "moved"):
            return f"{folder} is too large to be copied for every run (more than 2 GB)"
        empty = Path(name) / "empty"  # first: a folder may be large
        empty.mkdir()
        for number, probe in enumerate((empty, folder)):
            try:
                cover = Cover((probe,), Path(name) / f"probe{number}", means)
            except OSError as error:
                return f"{folder} cannot be copied ({error})"
            tried = subprocess.run([*cover.prefix, "/bin/true"], capture_output=True, text=True)
            cover.remove()
            if tried.returncode != 0:
                what = "copy can be mounted" if means == "copies" else "overlay"
                return f"no {what} here ({tried.stderr.strip()})"
    return ""


class Cover:
    """The overlays or copies of one run over ``folders``, kept below ``place``.

    ``prefix`` is what stands before the command that is to run on them. ``root`` is what paths of
    copies that lie elsewhere begin with, before those of the originals; "" where none do. ``left``
    holds what an earlier run has left (:meth:`keep`): this one finds it in its place.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        place: Path,
        means: Means = "overlays",
        left: Path | None = None,
    ) -> None:
        self._cover(folders, place, means)
        if left is None:
            return
        for one in self.folders:
            if (kept := _place_of(one, left)).is_dir():
                shutil.copytree(kept, one["upper"], symlinks=True, dirs_exist_ok=True)

    def _cover(self, folders: Sequence[Path], place: Path, means: Means) -> None:
        self.place, self.copies, self.root = place, means != "overlays", ""
        self._shown: list[dict[str, str]] = []
        if means == "moved":
            self.root = str(place.resolve() / "root")
            self.folders = [
                {"folder": f"{self.root}{folder}", "upper": f"{self.root}{folder}",
                 "lower": str(folder), "copied": "yes", "is of": str(folder)}
                for folder in folders
            ]  # fmt: skip
            for one in self.folders:
                copy_folder(Path(one["lower"]), Path(one["upper"]), self.folders)
            for folder in folders:
                self._link_what_lies_around(folder)
            return
        self.folders = [
            {"folder": str(folder), **{part: str(place / f"{k}-{part}") for part in _PARTS}}
            for k, folder in enumerate(folders)
        ]
        for one in self.folders:
            for part in _PARTS:
                Path(one[part]).mkdir(parents=True)
            if self.copies:
                one["copied"] = "yes"
                copy_folder(Path(one["folder"]), Path(one["upper"]))
        if not self.copies:
            self._show_mounts(shown_as_they_are(folders))

    def _show_mounts(self, mounts: Sequence[Path]) -> None:
        """Let be seen what is mounted below the folders, where no overlay covers it by itself."""
        for k, mount in enumerate(mounts):
            as_it_is = self.place / f"shown{k}"
            as_it_is.mkdir() if mount.is_dir() else as_it_is.touch()
            self._shown.append({"folder": str(mount), "lower": str(as_it_is)})

    def _link_what_lies_around(self, folder: Path) -> None:
        """Let ``../data`` lead from a copy to where it leads from the original."""
        for parent in folder.parents[:-1]:
            for entry in os.scandir(parent):
                there = Path(f"{self.root}{entry.path}")
                if not os.path.lexists(there) and not self.place.is_relative_to(entry.path):
                    there.symlink_to(entry.path)

    def moved(self, path: Path | str) -> str:
        """Where a path leads in the process of the run: elsewhere only if the copies are."""
        return moved(str(path), self.folders)

    @property
    def prefix(self) -> list[str]:
        """The program that covers the folders and then becomes the command."""
        mounted = [] if self.root else [*self.folders, *self._shown]
        mounted.sort(key=lambda one: len(Path(one["folder"]).parts))  # what holds others first
        specification = json.dumps({"parent": os.getpid(), "folders": mounted})
        return [sys.executable, "-I", "-S", str(_ENTER), specification]

    def written(self) -> list[str]:
        """Files that were written, changed or removed: ``results.csv``, ``old.log (removed)``.

        Named from the first folder, where the person stands; others in full. Of a folder, what is
        or was in it is listed; an empty one by itself: ``plots/ (empty)``.
        """
        names = []
        for k, one in enumerate(self.folders):
            upper, folder = Path(one["upper"]), Path(one.get("is of", one["folder"]))
            for inside, removed in self._changed(one):
                path = upper / inside
                if any(part in _BYPRODUCTS for part in inside.parts) or path.suffix == ".pyc":
                    continue
                end = _end_of_name(folder / inside, path, removed)
                if end is not None:
                    names.append(f"{inside if k == 0 else folder / inside}{end}")
        return names

    def keep(self, place: Path) -> None:
        """Copy to ``place`` what the run has written, for another that is to find it."""
        for one in self.folders:
            for inside, removed in self._changed(one):
                source, target = Path(one["upper"]) / inside, _place_of(one, place) / inside
                if removed:
                    continue
                if not _is_folder(source):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(source, target, follow_symlinks=False)
                elif not _is_folder(Path(one.get("is of", one["folder"])) / inside):
                    target.mkdir(parents=True, exist_ok=True)

    def _changed(self, one: Mapping[str, str]) -> Iterator[tuple[Path, bool]]:
        """Paths that were written or removed, from the folder, and whether they are gone."""
        upper = Path(one["upper"])
        if self.copies:
            yield from changes(Path(one.get("is of", one["folder"])), upper, self.folders)
            return
        yield from changes_in_overlay(Path(one["folder"]), upper)

    def remove(self) -> None:
        """Throw away what the execution wrote."""
        for one in self.folders:
            for inner in Path(one["work"]).glob("*") if "work" in one else ():
                inner.chmod(0o700)  # the kernel leaves it closed to everybody
        shutil.rmtree(self.place, ignore_errors=True)


def _place_of(one: Mapping[str, str], place: Path) -> Path:
    """Where below ``place`` lies what a run left in a folder that was covered."""
    return place / one.get("is of", one["folder"]).lstrip(os.sep)


def changes_in_overlay(original: Path, upper: Path) -> Iterator[tuple[Path, bool]]:
    """What an overlay's ``upper`` says was changed, as :func:`changes` does for a copy."""
    found: dict[Path, bool] = {}
    for path in upper.rglob("*"):
        inside = path.relative_to(upper)
        # A device is the kernel's mark for what is gone.
        found[inside] = stat.S_ISCHR(path.lstat().st_mode)
        if (found[inside] or _made_anew(path)) and _is_folder(original / inside):
            lost = (p.relative_to(original) for p in below(original / inside))
            found |= {name: True for name in lost if not os.path.lexists(upper / name)}
    yield from sorted(found.items())


def _made_anew(path: Path) -> bool:
    """Whether a folder of an overlay's upper layer shows nothing of the one below it."""
    for namespace in ("trusted", "user"):  # the second where whoever mounted it is not root
        with contextlib.suppress(OSError):
            if os.getxattr(path, f"{namespace}.overlay.opaque", follow_symlinks=False) == b"y":
                return True
    return False


def _end_of_name(original: Path, path: Path, removed: bool) -> str | None:
    """What is said of a change behind its name; None where what is in a folder says it."""
    if removed:
        if not _is_folder(original):
            return " (removed)"
        return "/ (removed)" if _is_empty(original) else None
    if not _is_folder(path):
        return ""
    return "/ (empty)" if not _is_folder(original) and _is_empty(path) else None


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_empty(folder: Path) -> bool:
    """Whether nothing is in a folder but what Python writes by itself."""
    with contextlib.suppress(OSError):  # closed to us
        return all(entry.name in _BYPRODUCTS for entry in folder.iterdir())
    return False
