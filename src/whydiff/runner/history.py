"""What git knows of a repository: its commits, and who changed which line. Nothing is written.

Only this module starts git, without hooks, daemons, sparse patterns and the network.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.words import listed

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
#: Folders that are named of a large repository.
_MOST_FOLDERS = 100
#: the fact of a recording that names changed files, see :func:`uncommitted`
UNCOMMITTED = "uncommitted changes"


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


def repository(near: Path) -> Path:
    """The top folder of the repository around a file or folder; WhydiffError without one."""
    folder = near.absolute()
    while not folder.is_dir():
        folder = folder.parent
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel").rstrip("\n"))
    except WhydiffError as error:
        raise WhydiffError(
            f"{folder} is in no git repository that can be read: {error}",
            "Revisions are those of the repository that holds the script.",
        ) from None


def commit_named(root: Path, revision: str) -> Commit:
    """The commit that a tag, a branch, HEAD~2 or an id names. WhydiffError where there is none."""
    name = f"{revision}^{{commit}}"
    try:
        found = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
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
    way = git(root, "log", "--reverse", "--first-parent", form, f"{first.id}..{last.id}")
    pairs = (line.split("\0", 1) for line in way.splitlines())
    return [first, *(Commit(id, subject) for id, subject in pairs)]


def second_parent(root: Path, commit: Commit) -> str:
    """The id of what a merge brought in; "" for a commit that is no merge."""
    parents = git(root, "log", "-1", "--format=%P", commit.id).split()
    return parents[1] if len(parents) > 1 else ""


def changed_files(root: Path, a: str | None, b: str | None) -> list[tuple[str, str]]:
    """Files that differ between two commits, one of which may be (None) the files as they are now.

    Each as its path in either; equal but for renamed files. One of them has no file where it was
    added or removed.
    """
    arguments = ["--name-status", "--find-renames", "--diff-filter=ADMRT", "-z"]
    commits = [revision for revision in (a, b) if revision]
    way = ["-R"] if a is None else []
    fields = git(root, "diff", *arguments, *way, *commits).split("\0")
    pairs, at = [], 0
    while at + 1 < len(fields):
        renamed = fields[at].startswith("R")
        pairs.append((fields[at + 1], fields[at + 2] if renamed else fields[at + 1]))
        at += 3 if renamed else 2
    return pairs


def folders_with(root: Path, pattern: str) -> list[Path]:
    """Folders that hold a tracked file of this pattern, also in submodules, those nearest to
    ``root`` first."""
    files = git(root, "ls-files", "-z", "--", pattern).split("\0")
    folders = dict.fromkeys((root / file).parent for file in files if file)
    for path, _ in submodules_of(root):
        if (root / path / ".git").exists():
            folders |= dict.fromkeys(folders_with(root / path, pattern))
    return sorted(folders, key=lambda one: len(one.parts))[:_MOST_FOLDERS]


def submodules_of(root: Path, *where: str) -> list[tuple[str, str]]:
    """Every submodule with its commit. ``where`` names git another repository than that there."""
    listing = git(root, *where, "ls-files", "--stage", "-z").split("\0")
    entries = (line.partition("\t") for line in listing if line.startswith("160000 "))
    return [(path, described.split()[1]) for described, _, path in entries]


def submodule_of(root: Path, path: str) -> str:
    """The submodule in which a file lies, "" for a file of the repository itself."""
    inside = [folder for folder in Path(path).parents if (root / folder / ".git").exists()]
    return "" if not inside or inside[0] == Path() else inside[0].as_posix()


def text_at(root: Path, revision: str | None, path: str) -> str:
    """The text of a file in a commit, or (None) now; "" where it is no text or too large."""
    try:
        if revision is None:
            data = (root / path).read_bytes()
        else:
            data = git_bytes(root, "cat-file", "blob", f"{revision}:{path}")
        return data.decode() if len(data) < 1 << 20 and b"\0" not in data else ""
    except (OSError, UnicodeDecodeError, WhydiffError):
        return ""


def commit_of_line(root: Path, revision: str | None, path: str, line: int) -> Commit | None:
    """The commit that wrote a line as it stands in ``revision``; None where none did yet."""
    arguments = ["-L", f"{line},{line}", "--porcelain", *([revision] if revision else [])]
    try:
        found = git(root, "blame", *arguments, "--", path).split(maxsplit=1)[0]
    except (WhydiffError, IndexError):
        return None
    return None if set(found) == {"0"} else _commit(root, found.lstrip("^"))


def commit_of_file(root: Path, a: str | None, b: str | None, path: str) -> Commit | None:
    """The last commit between ``a`` and ``b`` that changed a file; None where it is none of them.

    Either may be None: the files as they are now, which may hold what no commit does.
    """
    if (a is None or b is None) and git(root, "diff", "--name-only", "HEAD", "--", path):
        return None
    for older, newer in ((a, b), (b, a)):
        way = f"{older or 'HEAD'}..{newer or 'HEAD'}"
        found = git(root, "log", "-1", "--format=%H", way, "--", path).strip()
        if found:
            return _commit(root, found)
    return None


def commit_that_removed(root: Path, a: str, b: str, path: str, text: str) -> Commit | None:
    """The last commit from ``a`` to ``b`` that changed how often ``text`` stands in a file."""
    try:
        found = git(root, "log", "-1", "--format=%H", f"-S{text}", f"{a}..{b}", "--", path)
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
        names = git(root, "diff", "--name-only", "-z", "HEAD").split("\0")
    except WhydiffError:
        return ""
    names = [name for name in names if name]
    more = [f"{len(names) - 3} more"] if len(names) > 3 else []
    return listed([*names[:3], *more]) or "none"


def committed_in(file: Path) -> str:
    """The commit in which a file got the content that it has, by its first digits.

    "" where it was changed since or never committed, in a shallow clone, which knows no earlier
    commits, and where there is no repository or git is not installed.
    """
    folder = file.absolute().parent
    try:
        if git(folder, "rev-parse", "--is-shallow-repository").strip() != "false":
            return ""
        if git(folder, "status", "--porcelain", "--", file.name):
            return ""
        return git(folder, "log", "-1", "--format=%H", "--", file.name).strip()[:10]
    except WhydiffError:
        return ""


def _commit(root: Path, id: str) -> Commit:
    whole, _, subject = git(root, "log", "-1", "--format=%H%x00%s", id).partition("\0")
    return Commit(whole, subject.rstrip("\n"))


def _is_ancestor(root: Path, one: str, other: str) -> bool:
    try:
        git(root, "merge-base", "--is-ancestor", one, other)
    except WhydiffError:
        return False
    return True


def name_then(root: Path, commit: str, path: str) -> str:
    """What a file was called in an older commit, "" where that is not known."""
    form = ["--follow", "--name-status", "--diff-filter=R", "--format="]
    try:
        renames = git(root, "log", *form, f"{commit}..HEAD", "--", path).splitlines()
        name = path
        for line in renames:
            _, before, after = line.split("\t")
            name = before if after == name else name
        git(root, "cat-file", "-e", f"{commit}:{name}")
    except (WhydiffError, ValueError):
        return ""
    return name if name != path else ""


def git(folder: Path, *arguments: str) -> str:
    """What git prints, as text; see :func:`git_bytes`."""
    return git_bytes(folder, *arguments).decode("utf-8", "surrogateescape")


def git_bytes(folder: Path, *arguments: str) -> bytes:
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
