"""The files of a git revision in a folder of ours, and what git knows of the change between two.

The person's repository is only read. Its objects are borrowed: a revision lies in a folder with an
index and a HEAD of its own, whose ``.git`` names a folder of ours as git's, and that names the
person's repository as the place of all that is shared (the layout of ``git worktree``, registered
nowhere). So nothing has to be pruned, whatever ends us, no hook runs and no branch is locked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.words import count, listed
from whydiff.runner.history import Commit, commit_named, git, name_then, repository, submodules_of

#: How a file begins whose content git-lfs holds.
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
#: Files that Python makes from others: those of another revision are no use.
_MADE = frozenset({"__pycache__", ".git"})
#: Where an interpreter looks for modules, and the projects installed there as editable.
_PROBE = """
import json, sys
from importlib import metadata
projects = []
for distribution in metadata.distributions():
    try:
        url = json.loads(distribution.read_text("direct_url.json") or "{}")
    except Exception:
        continue
    if url.get("dir_info", {}).get("editable"):
        projects.append(url["url"])
print(json.dumps([sys.path[1:], projects]))
"""


@dataclass(frozen=True)
class Checkout:
    """The files of ``revision`` of the repository at ``root``, in ``folder``.

    The revision is written as it was named, an id in full as its first digits.
    ``notes`` say what could not be had, and what was added to them.
    """

    root: Path
    folder: Path
    revision: str
    commit: Commit
    notes: tuple[str, ...] = ()

    def path(self, here: Path) -> Path:
        """What is at ``here`` in the repository, in this revision; outside of it as it is."""
        whole = Path(os.path.normpath(here.absolute()))
        for root in (self.root, Path(os.path.realpath(self.root))):
            if whole.is_relative_to(root):
                return self.folder / whole.relative_to(root)
        resolved = whole.parent.resolve() / whole.name
        if resolved.is_relative_to(self.root):
            return self.folder / resolved.relative_to(self.root)
        return whole

    def working_folder(self) -> Path:
        """Where the person stands, in this revision; made where it was not there yet."""
        here = self.path(Path.cwd())
        here.mkdir(parents=True, exist_ok=True)
        return here

    def script(self, named: Path) -> Path:
        """A script that the person names by its path today. WhydiffError where it was not there."""
        path = self.path(named)
        if path.is_file():
            return path
        if not path.is_relative_to(self.folder):
            raise WhydiffError(
                f"{named} lies outside the repository {self.root}, whose revision "
                f"{self.revision} was named"
            )
        inside = path.relative_to(self.folder).as_posix()
        moved = name_then(self.root, self.commit.id, inside)
        raise WhydiffError(
            f"{named} does not exist in {self.revision} ({self.commit.text()})",
            f"There it was {moved}. Name both scripts, A's first, {moved} for {self.revision}."
            if moved
            else "Name a revision that has it; `git log --follow` shows when it came.",
        )

    def places(self) -> dict[str, str]:
        """For the script's process, see ``child/main.py``."""
        return {"root": str(self.root), "folder": str(self.folder)}

    def named(self, path: Path | str) -> str:
        """A path in our folder as the person would name it from where they stand."""
        path = Path(path)
        if not path.is_relative_to(self.folder):
            return str(path)
        return os.path.relpath(self.root / path.relative_to(self.folder), _here(self.root))

    def names(self) -> dict[str, str]:
        """Beginnings of paths in our folders, and what stands in their place for a person."""
        top = os.path.relpath(self.root, _here(self.root))
        beginnings = {
            str(self.path(_here(self.root))): "",
            str(self.folder): "" if top == os.curdir else f"{top}{os.sep}",
            str(self.folder.parent): "",
        }
        return {f"{place}{os.sep}": name for place, name in beginnings.items()}

    def in_terms(self, text: str) -> str:
        """What a script said, its files called as the person would."""
        for place, name in self.names().items():
            text = text.replace(place, name)
        return text

    def environment(
        self, python: str = sys.executable, given: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """``given`` with a PYTHONPATH on which this revision comes before what is checked out.

        A project that is installed as editable, or named by PYTHONPATH, would be imported from the
        person's files otherwise.
        """
        variables = {**os.environ, **(given or {})}
        made = subprocess.run(
            [python, "-c", _PROBE], env=variables, cwd=self.root, capture_output=True, text=True
        )
        if made.returncode != 0:  # the script will say what is wrong with its interpreter
            return dict(given or {})
        path, projects = json.loads(made.stdout)
        places = [*path, *(f"{p}{end}" for p in map(_unquoted, projects) for end in ("/src", ""))]
        here = dict.fromkeys(
            str(self.path(Path(place)))
            for place in places
            if place and self._holds(Path(place)) and "site-packages" not in Path(place).parts
        )
        if not here:
            return dict(given or {})
        theirs = variables.get("PYTHONPATH", "").split(os.pathsep)
        others = [p for p in theirs if p and not self._holds(Path(p))]
        return {**(given or {}), "PYTHONPATH": os.pathsep.join([*here, *others])}

    def _holds(self, place: Path) -> bool:
        """Whether the revision has a folder there of its own, no link to what is there today."""
        moved = self.path(place)
        return moved.is_dir() and moved.resolve().is_relative_to(self.folder)


class Checkouts:
    """The revisions that one verb needs, each laid out once, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._made: dict[tuple[Path, str], Checkout] = {}

    @property
    def made(self) -> list[Checkout]:
        """All of them."""
        return list(self._made.values())

    def of(self, revision: str, near: Path) -> Checkout:
        """A revision of the repository around ``near``. WhydiffError where there is none."""
        key = repository(near), revision
        if key not in self._made:
            place = self._folder / f"revision{len(self._made) + 1}"
            self._made[key] = check_out(revision, key[0], place)
        return self._made[key]


def check_out(revision: str, near: Path, place: Path) -> Checkout:
    """Put the files of a revision of the repository around ``near`` into ``place``, a new folder.

    What git does not track (data, results) is linked, so that a script finds it; whoever runs the
    script keeps it from changing (see ``scratch.py``). Raises WhydiffError where there is no
    repository or no such revision.
    """
    root = repository(near)
    commit = commit_named(root, revision)
    place.mkdir(parents=True)
    place = place.resolve()
    folder, private = place / "files", place / "git"
    common = Path(git(root, "rev-parse", "--path-format=absolute", "--git-common-dir").strip())
    notes = list(_populate(common, commit.id, folder, private))
    linked = _link_untracked(root, folder)
    if linked:
        some = [*linked[:4], *([f"{len(linked) - 4} more"] if len(linked) > 4 else [])]
        notes.append(f"What git does not track is there, too, as it is now: {listed(some)}.")
    if commit.id.startswith(revision) and len(revision) > len(commit.short):
        revision = commit.short  # as CI names it, in full, nobody reads it
    return Checkout(root, folder, revision, commit, tuple(notes))


def _here(root: Path) -> Path:
    """Where the person stands, by the name of the folder that the repository has, too."""
    here = Path.cwd()
    resolved = here.resolve()
    return resolved if resolved.is_relative_to(root) else here


def _populate(common: Path, commit: str, folder: Path, private: Path) -> Iterator[str]:
    """Fill ``folder`` with a commit's files, those of its submodules too; yields what is missing.

    ``common`` is the git folder whose objects are borrowed, ``private`` becomes the one that knows
    what is checked out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    private.mkdir(parents=True)
    for name, text in (
        ("HEAD", commit), ("commondir", str(common)), ("gitdir", str(folder / ".git")),
    ):  # fmt: skip
        (private / name).write_text(f"{text}\n")
    (folder / ".git").write_text(f"gitdir: {private}\n")
    here = (f"--git-dir={private}", f"--work-tree={folder}")
    git(folder, *here, "read-tree", commit)
    git(folder, *here, "checkout-index", "--all", "--force", "--quiet", "--index")
    yield from _large_files(common, folder, here)
    for path, wanted in submodules_of(folder, *here):
        yield from _submodule(common, wanted, folder, path, private)


def _submodule(common: Path, commit: str, folder: Path, path: str, private: Path) -> Iterator[str]:
    """Fill a submodule's folder from the clone that the person's repository has of it."""
    for place in (common.parent / path, *(common / "modules").glob("**/HEAD")):
        if not place.exists():
            continue
        near = place if place.is_dir() else place.parent
        try:
            theirs = Path(git(near, "rev-parse", "--path-format=absolute", "--git-common-dir")
                          .strip())  # fmt: skip
            if theirs == common:
                continue  # an empty folder: git looked further up
            git(near, "cat-file", "-e", f"{commit}^{{commit}}")
        except WhydiffError:
            continue
        yield from _populate(theirs, commit, folder / path, private / "submodules" / path)
        return
    yield (
        f"The submodule {path} is empty: its commit {commit[:10]} is not in this clone "
        "(`git submodule update --init` gets it)."
    )


def _large_files(common: Path, folder: Path, here: Sequence[str]) -> Iterator[str]:
    """Put files of git-lfs in place of their pointers, as far as this clone holds them."""
    try:
        listing = git(folder, *here, "ls-files", "-z", "--", ":(attr:filter=lfs)")
    except WhydiffError:  # git before 2.13
        return
    missing = []
    for path in filter(None, listing.split("\0")):
        file = folder / path
        text = file.read_bytes()[:1024] if file.is_file() else b""
        if not text.startswith(_POINTER):
            continue
        _, _, oid = text.partition(b"oid sha256:")
        name = oid.split(b"\n")[0].decode("ascii", "replace")
        held = common / "lfs" / "objects" / name[:2] / name[2:4] / name
        if name and held.is_file():
            file.unlink()
            file.symlink_to(held)
        else:
            missing.append(path)
    if missing:
        yield (
            f"{count(len(missing), 'file')} of git-lfs could not be had, its pointer stands there "
            f"instead: {listed(missing[:3])} (`git lfs fetch` gets the content)."
        )


def _link_untracked(root: Path, folder: Path) -> list[str]:
    """Link what git does not track at ``root`` into ``folder``, as far as nothing is there."""
    linked = []
    names = git(root, "ls-files", "--others", "--directory", "-z").split("\0")
    for name in filter(None, names):
        inside = Path(name)
        if not _MADE.intersection(inside.parts) and _link(root / inside, folder / inside, folder):
            linked.append(name)
    return linked


def _link(source: Path, place: Path, folder: Path) -> bool:
    """Whether ``source``, or something in it, was linked at ``place``."""
    if source.name in _MADE:
        return False
    if not os.path.lexists(place):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):  # the revision has a file there
            return False
        if not place.parent.resolve().is_relative_to(folder):
            return False  # by a link of the revision's out of our folder
        place.symlink_to(source)
        return True
    folders = [one.is_dir() and not one.is_symlink() for one in (source, place)]
    if not all(folders):
        return False
    return sum(_link(one, place / one.name, folder) for one in source.iterdir()) > 0


def _unquoted(url: str) -> str:
    from urllib.parse import unquote, urlsplit

    return unquote(urlsplit(url).path)
