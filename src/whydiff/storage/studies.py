"""A study on disk: every replica's seeds, metrics, predictions and digest, safe to be killed.

One SQLite file, written in transactions: a replica is there as a whole or not at all.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from whydiff import __version__
from whydiff.core.errors import WhydiffError
from whydiff.core.plan import StoredReplica
from whydiff.storage import blobs, codec
from whydiff.storage.opening import (
    Format,
    Layout,
    begin_file,
    begin_journal,
    drop_older,
    hold_file,
    lay_out,
    layout,
    make_room,
    opened,
    settle,
    written,
)
from whydiff.storage.schema import PART_BYTES

APPLICATION_ID = 0x77687973  # "whys"
#: Raised with every change that an older reader would misread; see ``schema.VERSION``.
VERSION = 1
#: ``replica.purpose``: part of the plan, or trained by a second engine to compare the two
PLAN, CALIBRATION = "plan", "calibration"
#: ``arrays.purpose`` besides: weights of replicas whose block is not complete, targets of the probe
WEIGHTS, TARGETS = "weights", "targets"
#: ``replica.purpose``, with a number behind it: the script's own training on another machine
ELSEWHERE = "elsewhere"
#: the examples of the probe that flip most, where they are images
PICTURES = "pictures"
#: ``arrays.number`` of what belongs to no replica
NOBODY = -1

TABLES: tuple[str, ...] = (
    """CREATE TABLE meta(
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) WITHOUT ROWID""",
    """CREATE TABLE replica(
    number INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    engine TEXT NOT NULL,
    block INTEGER NOT NULL,
    kind TEXT NOT NULL,
    redrawn TEXT NOT NULL,
    seeds TEXT NOT NULL,
    settings TEXT NOT NULL,
    digest TEXT NOT NULL,
    seconds REAL NOT NULL,
    failure TEXT NOT NULL,
    PRIMARY KEY(number, purpose)
) WITHOUT ROWID""",
    """CREATE TABLE epoch(
    number INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    logs TEXT NOT NULL,
    PRIMARY KEY(number, purpose, epoch)
) WITHOUT ROWID""",
    """CREATE TABLE distance(
    a INTEGER NOT NULL,
    b INTEGER NOT NULL,
    relative REAL,
    PRIMARY KEY(a, b)
) WITHOUT ROWID""",
    """CREATE TABLE arrays(
    number INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    part INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY(number, purpose, part)
)""",
)

#: Tables that version 1 got later; see ``schema.ADDED``.
ADDED: tuple[str, ...] = (
    """CREATE TABLE machine(
    number INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY(number, purpose)
) WITHOUT ROWID""",
)


@functools.cache
def layouts() -> Mapping[int, Layout]:
    """The tables of every format version that is read."""
    return {1: layout(TABLES, ADDED)}


STUDY = Format("study", APPLICATION_ID, layouts, "run the study again, or restore a copy", True)


class StudyWriter:
    """Adds replicas to a study. Raises WhydiffError where that cannot be done."""

    def __init__(self, path: Path, connection: sqlite3.Connection, held: int) -> None:
        self.path = path
        self._db = connection
        self._held = held  # a descriptor: as long as it is open nobody else writes the file
        #: called with replicas of the plan once they are in the file
        self.added: Callable[[Sequence[StoredReplica]], None] | None = None

    @classmethod
    def begin(cls, path: Path, meta: Mapping[str, Any]) -> StudyWriter:
        """A new study at ``path``; ``meta`` are plain values by name."""
        path = Path(path).absolute()
        aside = make_room(path, "study")
        if aside is not None:
            drop_older(path)
        with _trouble(path):
            held = begin_file(path)
            db = _connect(path)
            started = datetime.now(timezone.utc).isoformat(timespec="seconds")
            db.execute("BEGIN")
            lay_out(db, APPLICATION_ID, VERSION, TABLES + ADDED)
            _note(db, {"whydiff": __version__, "started": started, **meta})
            db.execute("COMMIT")
            begin_journal(db, path.parent)
            return cls(path, db, held)

    @classmethod
    def resume(cls, path: Path) -> StudyWriter:
        """Go on writing a study that :func:`load_study` accepts.

        Raises WhydiffError for one in an older format: it can be read, but not be added to.
        """
        path = Path(path).absolute()
        with opened(path, STUDY) as file:
            version, missing = file.version, set(layouts()[file.version].all) - file.tables
        if version != VERSION:
            raise WhydiffError(
                f"{path} is a study in format {version}; replicas are written in format {VERSION}",
                "`whydiff show` reads it. Begin another study: --output names its file.",
            )
        with _trouble(path):
            held = hold_file(path)
            db = _connect(path)
            for table in missing:
                db.execute(layouts()[version].added[table])
            begin_journal(db, path.parent)
            return cls(path, db, held)

    def note(self, meta: Mapping[str, Any]) -> None:
        """Set entries of table ``meta``."""
        with _trouble(self.path), self._transaction():
            _note(self._db, meta)

    def add(
        self,
        kept: Iterable[StoredReplica],
        purpose: str = PLAN,
        *,
        distances: Mapping[tuple[int, int], float] | None = None,
        weights: Mapping[int, Mapping[str, np.ndarray]] | None = None,
        drop: Iterable[int] = (),
    ) -> None:
        """Add replicas, all or none of them.

        ``distances`` are those of their trained weights by pair of numbers; ``weights`` are kept
        by number for replicas whose block is not complete, and those of ``drop`` forgotten.
        """
        kept = list(kept)
        with _trouble(self.path), self._transaction():
            for one in kept:
                self._put(one, purpose)
            rows = [(a, b, float(value)) for (a, b), value in (distances or {}).items()]
            self._db.executemany("INSERT OR REPLACE INTO distance VALUES(?, ?, ?)", rows)
            for number, arrays in (weights or {}).items():
                self._put_arrays(number, WEIGHTS, arrays)
            for number in drop:
                self._put_arrays(number, WEIGHTS, {})
        if self.added is not None and purpose == PLAN:
            self.added(kept)

    def remove(self, numbers: Iterable[int]) -> None:
        """Take replicas of the plan out again, with all that was kept of them."""
        with _trouble(self.path), self._transaction():
            for number in numbers:
                for table in ("replica", "epoch", "arrays", "machine"):
                    self._db.execute(
                        f"DELETE FROM {table} WHERE number = ? AND purpose IN (?, ?)",
                        (number, PLAN, WEIGHTS),
                    )
                self._db.execute("DELETE FROM distance WHERE a = ? OR b = ?", (number, number))

    def keep(self, purpose: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep arrays that belong to no replica: targets and pictures of the probe."""
        with _trouble(self.path), self._transaction():
            self._put_arrays(NOBODY, purpose, arrays)

    def close(self) -> None:
        """Leave one file with no companions."""
        with contextlib.suppress(sqlite3.Error):
            settle(self._db)
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
        with contextlib.suppress(OSError):
            os.close(self._held)

    def __enter__(self) -> StudyWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _transaction(self) -> Any:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    def _put(self, kept: StoredReplica, purpose: str) -> None:
        member, result = kept.member, kept.result
        key = (member.number, purpose)
        self._db.execute(
            "INSERT OR REPLACE INTO replica VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *key,
                codec.text(result.engine),
                member.block,
                member.kind,
                codec.dump(sorted(member.redrawn)),
                codec.dump(dict(result.replica.seeds)),
                codec.dump(dict(result.replica.settings)),
                codec.text(result.digest),
                float(result.seconds),
                codec.text(result.failure),
            ),
        )
        machine = codec.dump(dict(result.machine), "machine")
        self._db.execute("INSERT OR REPLACE INTO machine VALUES(?, ?, ?)", (*key, machine))
        self._db.execute("DELETE FROM epoch WHERE number = ? AND purpose = ?", key)
        self._db.executemany(
            "INSERT INTO epoch VALUES(?, ?, ?, ?)",
            [(*key, i, codec.dump(dict(logs), "logs")) for i, logs in enumerate(result.logs)],
        )
        predictions = result.predictions or ()
        self._put_arrays(*key, {f"prediction:{k}": p for k, p in enumerate(predictions)})

    def _put_arrays(self, number: int, purpose: str, arrays: Mapping[str, np.ndarray]) -> None:
        key = (number, purpose)
        self._db.execute("DELETE FROM arrays WHERE number = ? AND purpose = ?", key)
        if not arrays:
            return
        data = memoryview(blobs.pack_arrays(arrays))
        for part, start in enumerate(range(0, len(data), PART_BYTES)):
            piece = data[start : start + PART_BYTES]
            self._db.execute("INSERT INTO arrays VALUES(?, ?, ?, ?)", (*key, part, piece))


def _note(db: sqlite3.Connection, meta: Mapping[str, Any]) -> None:
    rows = [(codec.text(k), codec.dump(v, k)) for k, v in meta.items()]
    db.executemany("INSERT OR REPLACE INTO meta VALUES(?, ?)", rows)


def _connect(path: Path) -> sqlite3.Connection:
    db = written(path)
    db.execute("PRAGMA trusted_schema=OFF")
    return db


@contextlib.contextmanager
def _trouble(path: Path) -> Any:
    try:
        yield
    except (FileExistsError, BlockingIOError):
        raise WhydiffError(
            f"another process is writing {path}", "Wait until that ends, or name another file."
        ) from None
    except (sqlite3.Error, OSError) as error:
        raise WhydiffError(
            f"cannot write the study {path}: {error}",
            "Check the free space and the permissions. What was written stays: --resume goes on.",
        ) from None
