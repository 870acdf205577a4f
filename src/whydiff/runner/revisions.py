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

#: Variables with which git is told of another repository than that of its working folder.
_STEERING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX",
             "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")  # fmt: skip
#: A checkout as git makes it, but without hooks, daemons, sparse patterns and the network.
_PLAIN = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.splitIndex": "false",
    "core.sparseCheckout": "false",
    "filter.lfs.smudge": "cat",
    "filter.lfs.process": "",
    "filter.lfs.required": "false",
}
#: How a file begins whose content git-lfs holds.
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
#: the fact of a recording that names changed files, see :func:`uncommitted`
UNCOMMITTED = "uncommitted changes"
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
class Commit:
    """A commit as a person refers to it."""

    id: str  # in full
    subject: str

    @property
    def short(self) -> str:
        """The first digits of its id."""
        return self.id[:10]

    def text(self) -> str:
        """``1f0c9d2a3b (Train longer)``."""
        return f"{self.short} ({self.subject})"


@dataclass(frozen=True)
class Checkout:
    """The files of ``revision`` (as it was named) of the repository at ``root``, in ``folder``.

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
        moved = _name_then(self.root, self.commit.id, inside)
        raise WhydiffError(
            f"{named} does not exist in {self.revision} ({self.commit.text()})",
            f"There it was {moved}: name it as the script of that side."
            if moved
            else "Name a revision that has it; `git log --follow` shows when it came.",
        )

    def places(self) -> dict[str, str]:
        """For the script's process, see ``child/elsewhere.py``."""
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
    common = Path(_git(root, "rev-parse", "--path-format=absolute", "--git-common-dir").strip())
    notes = list(_populate(common, commit.id, folder, private))
    linked = _link_untracked(root, folder)
    if linked:
        some = [*linked[:4], *([f"{len(linked) - 4} more"] if len(linked) > 4 else [])]
        notes.append(f"What git does not track is there, too, as it is now: {listed(some)}.")
    return Checkout(root, folder, revision, commit, tuple(notes))


def repository(near: Path) -> Path:
    """The top folder of the repository around a file or folder; WhydiffError without one."""
    folder = near.absolute()
    while not folder.is_dir():
        folder = folder.parent
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel").rstrip("\n"))
    except WhydiffError as error:
        raise WhydiffError(
            f"{folder} is in no git repository that can be read: {error}",
            "Revisions are those of the repository that holds the script.",
        ) from None


def commit_named(root: Path, revision: str) -> Commit:
    """The commit that a tag, a branch, HEAD~2 or an id names. WhydiffError where there is none."""
    name = f"{revision}^{{commit}}"
    try:
        found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
    except WhydiffError:
        raise WhydiffError(
            f"{root} has no revision {revision!r}",
            "Name a commit, tag or branch: `git log --oneline` and `git tag` list them.",
        ) from None
    return _commit(root, found.strip())


def commits_between(root: Path, good: str, bad: str) -> list[Commit]:
    """``good``, then what was merged or committed on the way to ``bad``, oldest first.

    The way is that of first parents, on which every commit holds all changes before it. Raises
    WhydiffError where no way leads from one to the other.
    """
    first, last = commit_named(root, good), commit_named(root, bad)
    if first.id == last.id:
        raise WhydiffError(
            f"{good} and {bad} are one commit, {first.text()}", "Name two that differ."
        )
    if not _is_ancestor(root, first.id, last.id):
        older = _is_ancestor(root, last.id, first.id)
        raise WhydiffError(
            f"{good} ({first.text()}) does not lead to {bad} ({last.text()})",
            f"{bad} is the older one: exchange them."
            if older
            else f"Take their common ancestor as the good one: `git merge-base {good} {bad}`.",
        )
    form = "--format=%H%x00%s"
    way = _git(root, "log", "--reverse", "--first-parent", form, f"{first.id}..{last.id}")
    pairs = (line.split("\0", 1) for line in way.splitlines())
    return [first, *(Commit(id, subject) for id, subject in pairs)]


def second_parent(root: Path, commit: Commit) -> str:
    """The id of what a merge brought in; "" for a commit that is no merge."""
    parents = _git(root, "log", "-1", "--format=%P", commit.id).split()
    return parents[1] if len(parents) > 1 else ""


def changed_files(root: Path, a: str | None, b: str | None) -> list[tuple[str, str]]:
    """Files that differ between two commits, one of which may be (None) the files as they are now.

    Each as its path in either; equal but for renamed files.
    """
    arguments = ["--name-status", "--find-renames", "--diff-filter=MR", "-z"]
    commits = [revision for revision in (a, b) if revision]
    way = ["-R"] if a is None else []
    fields = _git(root, "diff", *arguments, *way, *commits).split("\0")
    pairs, at = [], 0
    while at + 1 < len(fields):
        renamed = fields[at].startswith("R")
        pairs.append((fields[at + 1], fields[at + 2] if renamed else fields[at + 1]))
        at += 3 if renamed else 2
    return pairs


def text_at(root: Path, revision: str | None, path: str) -> str:
    """The text of a file in a commit, or (None) now; "" where it is no text or too large."""
    try:
        if revision is None:
            data = (root / path).read_bytes()
        else:
            data = _git_bytes(root, "cat-file", "blob", f"{revision}:{path}")
        return data.decode() if len(data) < 1 << 20 and b"\0" not in data else ""
    except (OSError, UnicodeDecodeError, WhydiffError):
        return ""


def commit_of_line(root: Path, revision: str | None, path: str, line: int) -> Commit | None:
    """The commit that wrote a line as it stands in ``revision``; None where none did yet."""
    arguments = ["-L", f"{line},{line}", "--porcelain", *([revision] if revision else [])]
    try:
        found = _git(root, "blame", *arguments, "--", path).split(maxsplit=1)[0]
    except (WhydiffError, IndexError):
        return None
    return None if set(found) == {"0"} else _commit(root, found.lstrip("^"))


def commit_that_removed(root: Path, a: str, b: str, path: str, text: str) -> Commit | None:
    """The last commit from ``a`` to ``b`` that changed how often ``text`` stands in a file."""
    try:
        found = _git(root, "log", "-1", "--format=%H", f"-S{text}", f"{a}..{b}", "--", path)
    except WhydiffError:
        return None
    return _commit(root, found.strip()) if found.strip() else None


def contains(root: Path, revision: str, commit: Commit) -> bool:
    """Whether a commit is part of what led to ``revision``."""
    return _is_ancestor(root, commit.id, revision)


def uncommitted(near: Path) -> str:
    """Tracked files that differ from the commit checked out: ``train.py and 2 more``, or none.

    "" where there is no repository or git is not installed.
    """
    try:
        root = repository(near)
        names = _git(root, "diff", "--name-only", "-z", "HEAD").split("\0")
    except WhydiffError:
        return ""
    names = [name for name in names if name]
    more = [f"{len(names) - 3} more"] if len(names) > 3 else []
    return listed([*names[:3], *more]) or "none"


def _here(root: Path) -> Path:
    """Where the person stands, by the name of the folder that the repository has, too."""
    here = Path.cwd()
    resolved = here.resolve()
    return resolved if resolved.is_relative_to(root) else here


def _commit(root: Path, id: str) -> Commit:
    whole, _, subject = _git(root, "log", "-1", "--format=%H%x00%s", id).partition("\0")
    return Commit(whole, subject.rstrip("\n"))


def _is_ancestor(root: Path, one: str, other: str) -> bool:
    try:
        _git(root, "merge-base", "--is-ancestor", one, other)
    except WhydiffError:
        return False
    return True


def _name_then(root: Path, commit: str, path: str) -> str:
    """What a file was called in an older commit, "" where that is not known."""
    form = ["--follow", "--name-status", "--diff-filter=R", "--format="]
    try:
        renames = _git(root, "log", *form, f"{commit}..HEAD", "--", path).splitlines()
        name = path
        for line in renames:
            _, before, after = line.split("\t")
            name = before if after == name else name
        _git(root, "cat-file", "-e", f"{commit}:{name}")
    except (WhydiffError, ValueError):
        return ""
    return name if name != path else ""


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
    _git(folder, *here, "read-tree", commit)
    _git(folder, *here, "checkout-index", "--all", "--force", "--quiet", "--index")
    yield from _large_files(common, folder, here)
    for line in _git(folder, *here, "ls-files", "--stage", "-z").split("\0"):
        described, _, path = line.partition("\t")
        if described.startswith("160000 "):
            yield from _submodule(common, described.split()[1], folder, path, private)


def _submodule(common: Path, commit: str, folder: Path, path: str, private: Path) -> Iterator[str]:
    """Fill a submodule's folder from the clone that the person's repository has of it."""
    for place in (common.parent / path, *(common / "modules").glob("**/HEAD")):
        if not place.exists():
            continue
        near = place if place.is_dir() else place.parent
        try:
            theirs = Path(_git(near, "rev-parse", "--path-format=absolute", "--git-common-dir")
                          .strip())  # fmt: skip
            if theirs == common:
                continue  # an empty folder: git looked further up
            _git(near, "cat-file", "-e", f"{commit}^{{commit}}")
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
        listing = _git(folder, *here, "ls-files", "-z", "--", ":(attr:filter=lfs)")
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
    names = _git(root, "ls-files", "--others", "--directory", "-z").split("\0")
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


def _git(folder: Path, *arguments: str) -> str:
    return _git_bytes(folder, *arguments).decode("utf-8", "surrogateescape")


def _git_bytes(folder: Path, *arguments: str) -> bytes:
    """What git prints. WhydiffError with its message where it fails, or is not installed."""
    settings = [word for name, value in _PLAIN.items() for word in ("-c", f"{name}={value}")]
    environment = {k: v for k, v in os.environ.items() if k not in _STEERING}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", *settings, *arguments],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise WhydiffError("git is not installed", "Install git; revisions are git's.") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or f"git exited with {done.returncode}"
        raise WhydiffError(said.partition("\n")[0])
    return done.stdout


def _unquoted(url: str) -> str:
    from urllib.parse import unquote, urlsplit

    return unquote(urlsplit(url).path)
