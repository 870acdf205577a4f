"""Opening recordings: which journal a folder bears, reading without a trace, clear refusals."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from whydiff.core.errors import WhydiffError

MAGIC = b"SQLite format 3\x00"
#: Files that SQLite keeps beside a database while it is being written.
COMPANIONS = ("-wal", "-shm", "-journal")
#: How a rollback journal ends that names a further file, which SQLite would go on to delete.
_SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")

#: Filesystems whose shared memory or locks cannot be trusted with a write-ahead log.
_REMOTE = ("nfs", "cifs", "smb", "9p", "fuse", "afs", "ceph", "lustre", "gpfs", "beegfs")
_MOUNTS = Path("/proc/mounts")
#: what kind of file -> the verb that makes one
_MAKER = {"recording": "record", "study": "study"}


def filesystem(folder: Path, mounts: str) -> str:
    """Type of the filesystem that holds ``folder``, from the text of ``/proc/mounts``, or ""."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].encode("latin-1", "replace").decode("unicode_escape")
        # A later mount on the same point hides the earlier one, hence >=.
        if folder.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), fields[2]
    return kind


def bears_wal(folder: Path) -> bool:
    """Whether a write-ahead log is safe in ``folder``: not so on network filesystems."""
    try:
        mounts = _MOUNTS.read_text(errors="surrogateescape")
    except OSError:
        return True  # not Linux: SQLite's own answer decides
    return not filesystem(folder.resolve(), mounts).startswith(_REMOTE)


def companion(path: Path, suffix: str) -> Path:
    """The file that SQLite keeps beside ``path``: ``run.whydiff`` -> ``run.whydiff-wal``."""
    return path.with_name(path.name + suffix)


def make_room(path: Path) -> None:
    """Remove an older recording at ``path``. ``WhydiffError`` where one cannot be written."""
    folder = path.parent
    if not folder.is_dir():
        raise WhydiffError(
            f"cannot record into {path}: {folder} is not a folder",
            f"create it (mkdir -p {folder}) or name another place",
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WhydiffError(
            f"cannot record into {path}: {folder} is read-only", "name a folder you may write to"
        )
    if path.is_dir():
        raise WhydiffError(f"cannot record into {path}: it is a folder", "name a file in it")
    try:
        if path.exists():
            if not path.is_file():  # opening a pipe would wait for a reader
                raise WhydiffError(
                    f"cannot record into {path}: it is {_kind(path)}", "name an ordinary file"
                )
            with path.open("rb") as file:
                head = file.read(len(MAGIC))
            if head not in (b"", MAGIC):
                raise WhydiffError(
                    f"will not replace {path}: it is not a recording",
                    "move it away or name another file, for instance one ending in .whydiff",
                )
        for old in (path, *(companion(path, suffix) for suffix in COMPANIONS)):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise WhydiffError(
            f"cannot replace {path}: {error.strerror}", "name a file you may write to"
        ) from None


@contextlib.contextmanager
def reading(path: Path, noun: str = "recording") -> Iterator[sqlite3.Connection]:
    """A read-only connection inside one read transaction, so that a live file holds still.

    Nothing is written beside the file where nothing lies there yet. What a killed writer left
    (``-wal``, ``-journal``) is read too: in place, or from a copy where the folder is read-only.
    ``ValueError`` and ``sqlite3.Error`` mean a damaged file, ``WhydiffError`` none of ours.
    """
    _check_head(path, noun)
    path = path.resolve()  # SQLite looks for what lies beside the file, not beside a link to it
    rest = [c for c in ("-wal", "-journal") if companion(path, c).exists()]
    for suffix in rest:
        _check_companion(companion(path, suffix))
    if not rest:
        # Nobody writes: "immutable" keeps SQLite from creating companions of its own.
        with _transaction(path, "mode=ro&immutable=1") as connection:
            _check_length(path, connection)
            yield connection
        return
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(_transaction(path, "mode=ro"))
        except sqlite3.OperationalError:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="whydiff-")))
            for name in (path, *(companion(path, c) for c in rest)):
                shutil.copyfile(name, folder / name.name)
            connection = stack.enter_context(_transaction(folder / path.name, "mode=rw"))
        yield connection


def _kind(path: Path) -> str:
    mode = path.stat().st_mode
    kinds = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISDIR, "a folder"))
    return next((name for test, name in kinds if test(mode)), "a device")


def _check_head(path: Path, noun: str) -> None:
    try:
        if not path.is_dir() and path.exists() and not path.is_file():
            raise WhydiffError(f"cannot read {path}: it is {_kind(path)}", "name a recording")
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
    except FileNotFoundError:
        raise WhydiffError(
            f"{path} does not exist",
            f"check the name; `whydiff {_MAKER[noun]} SCRIPT` makes a {noun}",
        ) from None
    except OSError as error:
        raise WhydiffError(
            f"cannot read {path}: {error.strerror}", "check the name and the permissions"
        ) from None
    if head != MAGIC:
        what = "empty" if not head else "no SQLite file"
        raise WhydiffError(
            f"{path} is not a whydiff {noun}: it is {what}", f"name a {noun} (.whydiff)"
        )


def _check_companion(path: Path) -> None:
    if not path.is_file():
        raise ValueError(f"{path.name} beside it is {_kind(path)}")
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(_SUPER_JOURNAL)))
        if file.read() == _SUPER_JOURNAL:
            raise ValueError(f"{path.name} beside it names a further file, as none of ours does")


def _check_length(path: Path, connection: sqlite3.Connection) -> None:
    # SQLite reads a last page that was cut short as if zeros followed.
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    if path.stat().st_size < pages * size:
        raise ValueError(f"it is cut short, {path.stat().st_size} of {pages * size} bytes are left")


@contextlib.contextmanager
def _transaction(path: Path, options: str) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?{options}"
    connection = sqlite3.connect(uri, uri=True, timeout=5, isolation_level=None)
    try:
        # The schema of a foreign file may call functions; none of it is to be trusted.
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield connection
    finally:
        connection.close()
