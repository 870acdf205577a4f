"""Opening a file of ours: whatever is wrong inside becomes one clear error with the path.

Which versions of a format are read is data: a :class:`Format` has a :class:`Layout` for each. A
file that an older whydiff wrote is read like any other; one that a newer whydiff wrote is refused
with the version to install.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from whydiff import __version__
from whydiff.core.disk import kind_of_file
from whydiff.core.errors import WhydiffError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # not a Unix
    fcntl = None

MAGIC = b"SQLite format 3\x00"
#: Files that SQLite keeps beside a database while it is being written.
COMPANIONS = ("-wal", "-shm", "-journal")
#: How a rollback journal ends that names a further file, which SQLite would go on to delete.
_SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")

#: Filesystems whose shared memory or locks cannot be trusted with a write-ahead log.
_REMOTE = ("nfs", "cifs", "smb", "9p", "fuse", "afs", "ceph", "lustre", "gpfs", "beegfs")
_MOUNTS = Path("/proc/mounts")
_CLOSED_ON_EXEC = getattr(os, "O_CLOEXEC", 0)
#: Where an older file waits until something has come in its place.
_OLDER = "-older"
#: ``PRAGMA application_id`` -> kind of file: "whyd" and "whys" in ASCII.
KINDS: Mapping[int, str] = {0x77687964: "recording", 0x77687973: "study"}
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


def check_place(path: Path, noun: str = "recording", force: bool = False) -> None:
    """``WhydiffError`` where a file of that kind cannot be begun at ``path``; changes nothing.

    What we did not write ourselves is only replaced with ``force``, and what another process is
    writing never.
    """
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
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        raise WhydiffError(
            f"cannot record into {path}: {in_words(error, path)}",
            "check the free space and the permissions, or name another place",
        ) from None
    try:
        if not path.exists():
            return
        if not path.is_file():  # opening a pipe would wait for a reader
            raise WhydiffError(
                f"cannot record into {path}: it is {kind_of_file(path)}", "name an ordinary file"
            )
        with path.open("rb") as file:
            head = file.read(72)
            live = not _locked(file.fileno())
    except OSError as error:
        raise WhydiffError(
            f"cannot replace {path}: {error.strerror}", "name a file you may write to"
        ) from None
    if live:
        raise WhydiffError(
            f"will not replace {path}: another process is writing it",
            "wait until that ends, or name another file",
        )
    if head and not force and kind_of_head(head) != noun:
        raise WhydiffError(
            f"will not replace {path}: it is not a {noun} of whydiff",
            "move it away, name another file (for instance one ending in .whydiff), or say --force",
        )


def make_room(path: Path, noun: str = "recording", force: bool = False) -> Path | None:
    """Move an older file of that kind out of the way, and give where it is now.

    It can be put back as long as nothing has come in its place, see :func:`put_back`.
    """
    check_place(path, noun, force)
    aside = companion(path, _OLDER)
    try:
        if not path.is_symlink() and not path.exists():
            return aside if aside.exists() else None
        if any(companion(path, suffix).exists() for suffix in COMPANIONS):
            _take_in_companions(path)
        path.replace(aside)
        for suffix in COMPANIONS:
            companion(path, suffix).unlink(missing_ok=True)
    except OSError as error:
        raise WhydiffError(
            f"cannot replace {path}: {error.strerror}", "name a file you may write to"
        ) from None
    return aside


def identity(path: Path) -> tuple[int, int] | None:
    """Tells a file from another that comes in its place; None if there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def put_back(path: Path) -> bool:
    """Let an older file that was moved out of the way take its place again, if there is one."""
    aside = companion(path, _OLDER)
    if not aside.exists():
        return False
    for suffix in COMPANIONS:
        companion(path, suffix).unlink(missing_ok=True)
    aside.replace(path)
    return True


def drop_older(path: Path) -> None:
    """Something has come in the place of an older file: that is gone for good."""
    with contextlib.suppress(OSError):  # a script may have given up the right to
        companion(path, _OLDER).unlink(missing_ok=True)


def begin_file(path: Path) -> int:
    """Make an empty file that nobody else makes or writes until the descriptor given is closed.

    FileExistsError if another process was faster; a link is never followed.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _CLOSED_ON_EXEC, 0o666)
    if bears_wal(path.parent):  # elsewhere this lock could be the same as SQLite's own
        _locked(descriptor)
    return descriptor


def hold_file(path: Path) -> int:
    """Keep others from writing a file that we go on writing. BlockingIOError if one does."""
    descriptor = os.open(path, os.O_RDWR | _CLOSED_ON_EXEC)
    if bears_wal(path.parent) and not _locked(descriptor):
        os.close(descriptor)
        raise BlockingIOError(f"another process is writing {path}")
    return descriptor


def in_words(error: Exception, path: Path) -> str:
    """What went wrong with a file; a full disk with the folder where space is wanting."""
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error):
        return f"the disk that holds {path.parent} is full"
    if number == errno.EFBIG:
        return f"{path} would grow beyond the limit on the size of a file (ulimit -f)"
    return f"{type(error).__name__}: {error}"


def _locked(descriptor: int) -> bool:
    """Whether nobody else holds the file; from now on we do, until the descriptor is closed."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without such locks
        return True
    return True


def _take_in_companions(path: Path) -> None:
    """What a killed writer left beside a file becomes part of it."""
    with contextlib.suppress(sqlite3.Error):
        db = sqlite3.connect(path, timeout=5, isolation_level=None)
        try:
            settle(db)
        finally:
            db.close()


def written(path: Path) -> sqlite3.Connection:
    """A connection by which a file of ours is written; each transaction is begun by name."""
    db = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    # What was laid out is complete in the file itself, whatever befalls its log later.
    db.execute("PRAGMA synchronous=NORMAL")
    return db


def begin_journal(db: sqlite3.Connection, folder: Path) -> None:
    """From now on transactions go into a log where the folder bears one, else into a journal."""
    mode = "WAL" if bears_wal(folder) else "TRUNCATE"
    (answer,) = db.execute(f"PRAGMA journal_mode={mode}").fetchone()
    if answer != mode.lower():
        db.execute("PRAGMA journal_mode=TRUNCATE")


def settle(db: sqlite3.Connection) -> None:
    """Leave one file with no companions. sqlite3.Error on a full disk, or where it is being read:
    then the log stays, and can be read."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    db.execute("PRAGMA journal_mode=DELETE").fetchone()


def kind_of_head(head: bytes) -> str:
    """Either "recording" or "study", by the first 72 bytes of a file, "" for any other."""
    if len(head) < 72 or not head.startswith(MAGIC):
        return ""
    return KINDS.get(int.from_bytes(head[68:72], "big"), "")


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


def _check_head(path: Path, noun: str) -> None:
    try:
        if not path.is_dir() and path.exists() and not path.is_file():
            raise WhydiffError(
                f"cannot read {path}: it is {kind_of_file(path)}", "name a recording"
            )
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
        raise ValueError(f"{path.name} beside it is {kind_of_file(path)}")
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


_VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){1,3}[a-z0-9.+-]{0,12}")


@dataclass(frozen=True)
class Layout:
    """The tables of one format version: name -> SQL as SQLite keeps it.

    ``added`` are tables that came to this version after the first files were written: a file may
    lack them, and a reader asks :attr:`Opened.tables` before it looks into one.
    """

    tables: Mapping[str, str]
    added: Mapping[str, str]

    @property
    def all(self) -> Mapping[str, str]:
        """The tables that a new file of this version has."""
        return {**self.tables, **self.added}


def lay_out(
    db: sqlite3.Connection, application: int, version: int, statements: Iterable[str]
) -> None:
    """Begin an empty file of that kind, inside the caller's transaction."""
    db.execute(f"PRAGMA application_id={application}")
    db.execute(f"PRAGMA user_version={version}")
    for statement in statements:
        db.execute(statement)


def joined(parts: Sequence[tuple[Any, Any]], what: str) -> bytes:
    """The pieces (number, bytes) of one value; ValueError where one is missing."""
    if [part for part, _ in parts] != list(range(len(parts))):
        raise ValueError(f"{what} lack a part")
    if not all(isinstance(data, bytes) for _, data in parts):
        raise ValueError(f"{what} are not bytes")
    return b"".join(data for _, data in parts)


def layout(tables: Iterable[str], added: Iterable[str] = ()) -> Layout:
    """A layout from ``CREATE TABLE`` statements."""
    return Layout(_kept_texts(tables), _kept_texts(added))


def _kept_texts(statements: Iterable[str]) -> Mapping[str, str]:
    """Table name -> the text that SQLite keeps of a statement."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for statement in statements:
            connection.execute(statement)
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        return dict(connection.execute(query).fetchall())
    finally:
        connection.close()


@dataclass(frozen=True)
class Format:
    """What identifies one kind of our files. ``layouts`` has an entry for every version read."""

    noun: str  # "recording" | "study"
    application: int
    layouts: Callable[[], Mapping[int, Layout]]
    again: str  # the way out where a file is damaged
    resumed: bool = False  # whether a file that we did not just make may be written into

    @property
    def newest(self) -> int:
        """The version that is written."""
        return max(self.layouts())


@dataclass(frozen=True)
class Opened:
    """A file that was checked: its connection, format version, and which of our tables it has."""

    db: sqlite3.Connection
    version: int
    tables: frozenset[str]


@contextlib.contextmanager
def opened(path: Path, form: Format) -> Iterator[Opened]:
    """A file of that kind with a read-only connection.

    Raises WhydiffError for a file that is missing, foreign, damaged or newer, also where the
    body of the ``with`` finds a value it cannot use (ValueError, TypeError, LookupError).
    """
    try:
        with reading(path, form.noun) as db:
            yield _checked(path, db, form)
    except WhydiffError:
        raise
    except PermissionError as error:
        raise WhydiffError(f"cannot read {path}: {error.strerror}", "check permissions") from None
    except (
        sqlite3.Error, OSError, ValueError, TypeError, LookupError, OverflowError, MemoryError
    ) as error:  # fmt: skip
        detail = str(error) or type(error).__name__
        raise WhydiffError(f"{path} is damaged: {detail}", form.again) from None


def _checked(path: Path, db: sqlite3.Connection, form: Format) -> Opened:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != form.application:
        known = KINDS.get(application)
        what = f"a {known}" if known else "another program's SQLite file"
        read_it = f"; `whydiff show` reads a {known}" if known else ""
        raise WhydiffError(
            f"{path} is not a whydiff {form.noun}: it is {what}",
            f"name a {form.noun} (.whydiff){read_it}",
        )
    present = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    layouts = form.layouts()
    if version > form.newest:
        meta = layouts[form.newest].tables["meta"]
        raise newer(path, form.noun, version, form.newest, _writer(db, present, meta))
    if version not in layouts:
        raise ValueError(f"it says format {version}, which no whydiff has written")
    if form.resumed:  # reading meets neither triggers nor views, writing would run them
        acting = "SELECT type, name FROM sqlite_master WHERE type NOT IN ('table', 'index') LIMIT 1"
        for kind_of, name in db.execute(acting):
            raise ValueError(f"it has a {kind_of} {str(name)[:80]!r}, and no study has any")
    # The text of a table is its whole behaviour: same text means no virtual table, no generated
    # column and no view in its place.
    ours = layouts[version]
    for name, sql in ours.all.items():
        if present.get(name) != sql and not (name in ours.added and name not in present):
            state = f"not as format {version} has it" if name in present else "missing"
            raise ValueError(f"its table {name!r} is {state}")
    return Opened(db, version, frozenset(ours.all) & frozenset(present))


def _writer(db: sqlite3.Connection, present: Mapping[str, str], meta: str) -> str:
    """The version of whydiff in table ``meta``, which no format version changes; "" if unclear."""
    if present.get("meta") != meta:
        return ""
    row = db.execute("SELECT value FROM meta WHERE name = 'whydiff' LIMIT 1").fetchone()
    return row[0].strip('"') if row and isinstance(row[0], str) else ""


def newer(path: Path, noun: str, version: int, newest: int, writer: str = "") -> WhydiffError:
    """The error for a file in a format version that this whydiff does not know.

    ``writer`` is the whydiff that can read it, as the file itself says; "" where it does not.
    """
    named = _VERSION.fullmatch(writer) and writer != __version__
    wanted = f"whydiff {writer} or newer" if named else "the newest whydiff"
    command = f"pip install 'whydiff>={writer}'" if named else "pip install --upgrade whydiff"
    return WhydiffError(
        f"{path} was written by a newer whydiff: it has {noun} format {version}, and whydiff "
        f"{__version__} reads formats up to {newest}",
        f"Install {wanted}: {command}",
    )


def check_pages(db: sqlite3.Connection, table: str) -> None:
    """Raise ValueError if the pages of a table are not well-formed.

    Without this a page that is its own grandchild a few hundred times over would give more rows
    than there is time or memory for; SQLite looks only where it is asked to.
    """
    (answer,) = db.execute(f"PRAGMA quick_check({table})").fetchone()
    if answer != "ok":
        first = str(answer).removeprefix("*** in database main ***").strip().split("\n")[0]
        raise ValueError(f"in table {table!r}: {first}")


def kind(path: Path | str) -> str:
    """Either "recording" or "study", by the head of the file, "" for any other file or none."""
    try:
        if not Path(path).is_file():  # a pipe would let us wait
            return ""
        with Path(path).open("rb") as file:
            head = file.read(72)
    except (OSError, ValueError):
        return ""
    return kind_of_head(head)
