"""Opening a file of ours: whatever is wrong inside becomes one clear error with the path."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.storage.files import MAGIC, reading

_NEWER = "upgrade whydiff to the version that wrote it"


#: ``PRAGMA application_id`` -> kind of file: "whyd" and "whys" in ASCII.
KINDS: Mapping[int, str] = {0x77687964: "recording", 0x77687973: "study"}


@dataclass(frozen=True)
class Format:
    """What tells one kind of our files: ``tables`` gives name -> SQL as SQLite keeps it."""

    noun: str  # "recording" | "study"
    application: int
    version: int
    tables: Callable[[], Mapping[str, str]]
    again: str  # the way out where a file is damaged


@contextlib.contextmanager
def opened(path: Path, form: Format) -> Iterator[sqlite3.Connection]:
    """A read-only connection to a file of that kind.

    Raises WhydiffError for a file that is missing, foreign, damaged or newer, also where the
    body of the ``with`` finds a value it cannot use (ValueError, TypeError, LookupError).
    """
    try:
        with reading(path, form.noun) as db:
            _check(path, db, form)
            yield db
    except WhydiffError:
        raise
    except PermissionError as error:
        raise WhydiffError(f"cannot read {path}: {error.strerror}", "check permissions") from None
    except (
        sqlite3.Error, OSError, ValueError, TypeError, LookupError, OverflowError, MemoryError
    ) as error:  # fmt: skip
        detail = str(error) or type(error).__name__
        raise WhydiffError(f"{path} is damaged: {detail}", form.again) from None


def _check(path: Path, db: sqlite3.Connection, form: Format) -> None:
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
    if version != form.version:
        raise WhydiffError(
            f"{path} has format {version}; this whydiff reads format {form.version}", _NEWER
        )
    # The text of a table is its whole behaviour: same text means no virtual table, no generated
    # column and no view in its place.
    tables = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall())
    for name, sql in form.tables().items():
        if tables.get(name) != sql:
            state = f"not as format {form.version} has it" if name in tables else "missing"
            raise ValueError(f"its table {name!r} is {state}")


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
        with Path(path).open("rb") as file:
            head = file.read(72)
    except OSError:
        return ""
    if len(head) < 72 or not head.startswith(MAGIC):
        return ""
    return KINDS.get(int.from_bytes(head[68:72], "big"), "")
