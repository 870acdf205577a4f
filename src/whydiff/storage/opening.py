"""Opening a file of ours: whatever is wrong inside becomes one clear error with the path.

Which versions of a format are read is data: a :class:`Format` has a :class:`Layout` for each. A
file that an older whydiff wrote is read like any other; one that a newer whydiff wrote is refused
with the version to install.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from whydiff import __version__
from whydiff.core.errors import WhydiffError
from whydiff.storage.files import KINDS, kind_of_head, reading

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
