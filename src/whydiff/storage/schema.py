"""The tables of a recording, in SQL. ``FORMAT.md`` beside this file explains them to a reader."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from whydiff.core.recording import STEP_GROUPS
from whydiff.storage.opening import Layout, layout

#: Raised with every change that an older reader would misread. The old version's tables then stay
#: in :func:`layouts`, and its reader in ``reader.py``. New tables need no new version: see ADDED.
VERSION = 1

#: ``PRAGMA application_id``: "whyd" in ASCII, so that ``file`` and we can tell a recording.
APPLICATION_ID = 0x77687964

#: Bytes of one group's digest in a row of ``step``.
GROUP_BYTES = 8

#: ``tensor.epoch`` where the moment is not the end of an epoch.
NO_EPOCH = -1

#: Largest piece of an array kept in one row; SQLite limits a row to 1e9 bytes.
PART_BYTES = 64 * 2**20

TABLES: tuple[str, ...] = (
    """CREATE TABLE meta(
    name TEXT PRIMARY KEY NOT NULL,
    value
) WITHOUT ROWID""",
    """CREATE TABLE environment(
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) WITHOUT ROWID""",
    """CREATE TABLE fit(
    fit INTEGER PRIMARY KEY NOT NULL,
    model TEXT NOT NULL,
    stack TEXT NOT NULL,
    notes TEXT NOT NULL,
    finished INTEGER NOT NULL,
    seconds REAL NOT NULL,
    order_relative INTEGER NOT NULL,
    unit TEXT NOT NULL,
    signature TEXT NOT NULL,
    samples TEXT NOT NULL,
    weights TEXT,
    validation TEXT NOT NULL
)""",
    """CREATE TABLE fact(
    fit INTEGER NOT NULL,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY(fit, source, name)
) WITHOUT ROWID""",
    """CREATE TABLE tensor(
    fit INTEGER NOT NULL,
    moment TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    position INTEGER NOT NULL,
    role TEXT NOT NULL,
    path TEXT NOT NULL,
    shape TEXT NOT NULL,
    dtype TEXT NOT NULL,
    digest TEXT NOT NULL,
    trained_by INTEGER,
    PRIMARY KEY(fit, moment, epoch, position)
) WITHOUT ROWID""",
    # The key costs 5 bytes a step over a bare rowid table and makes a repeated flush harmless.
    """CREATE TABLE step(
    fit INTEGER NOT NULL,
    n INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    digests BLOB NOT NULL,
    PRIMARY KEY(fit, n)
) WITHOUT ROWID""",
    """CREATE TABLE epoch(
    fit INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    logs TEXT NOT NULL,
    PRIMARY KEY(fit, epoch)
) WITHOUT ROWID""",
    """CREATE TABLE feed(
    fit INTEGER NOT NULL,
    position INTEGER NOT NULL,
    sample_order TEXT,
    batches TEXT,
    PRIMARY KEY(fit, position)
) WITHOUT ROWID""",
    """CREATE TABLE series(
    digest TEXT PRIMARY KEY NOT NULL,
    dtype TEXT NOT NULL,
    length INTEGER NOT NULL,
    data BLOB NOT NULL
)""",
    """CREATE TABLE samples(
    digest TEXT PRIMARY KEY NOT NULL,
    length INTEGER NOT NULL,
    data BLOB NOT NULL
)""",
    """CREATE TABLE draw(
    number INTEGER PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    seed,
    explicit INTEGER NOT NULL,
    stack TEXT NOT NULL,
    layer TEXT,
    fit INTEGER
)""",
    """CREATE TABLE snapshot(
    fit INTEGER NOT NULL,
    moment TEXT NOT NULL,
    part INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY(fit, moment, part)
)""",
)

#: Tables that version 1 got later. New recordings have them, older ones do not, and older readers
#: ignore them. Like TABLES they never change once a recording with them exists.
ADDED: tuple[str, ...] = (
    """CREATE TABLE document(
    digest TEXT PRIMARY KEY NOT NULL,
    text TEXT NOT NULL
)""",
    """CREATE TABLE call(
    call INTEGER PRIMARY KEY NOT NULL,
    fit INTEGER,
    kind TEXT NOT NULL,
    model TEXT NOT NULL,
    model_number INTEGER NOT NULL,
    stack TEXT NOT NULL,
    finished INTEGER NOT NULL,
    seconds REAL NOT NULL,
    numbers TEXT NOT NULL,
    notes TEXT NOT NULL,
    recipe TEXT NOT NULL,
    score TEXT
)""",
    """CREATE TABLE call_array(
    call INTEGER NOT NULL,
    part TEXT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    dtype TEXT NOT NULL,
    shape TEXT NOT NULL,
    rows TEXT NOT NULL,
    data BLOB,
    PRIMARY KEY(call, part, position)
)""",
    """CREATE TABLE content(
    fit INTEGER NOT NULL,
    part TEXT NOT NULL,
    position INTEGER NOT NULL,
    rows TEXT NOT NULL,
    PRIMARY KEY(fit, part, position)
)""",
    """CREATE TABLE event(
    number INTEGER PRIMARY KEY NOT NULL,
    after_call INTEGER NOT NULL,
    kind TEXT NOT NULL,
    model TEXT NOT NULL,
    model_number INTEGER NOT NULL,
    stack TEXT NOT NULL,
    facts TEXT NOT NULL
)""",
    """CREATE TABLE kept(
    fit INTEGER NOT NULL,
    moment TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY(fit, moment, name)
) WITHOUT ROWID""",
    """CREATE TABLE array(
    digest TEXT NOT NULL,
    part INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY(digest, part)
)""",
)

_COLUMNS = ",\n    ".join(
    f"lower(hex(substr(digests, {GROUP_BYTES * i + 1}, {GROUP_BYTES}))) AS {name}"
    for i, name in enumerate(STEP_GROUPS)
)

#: For people with only sqlite3 at hand; our own reader never queries a view from a file.
VIEWS: tuple[str, ...] = (
    f"CREATE VIEW step_hex AS SELECT fit, n, epoch,\n    {_COLUMNS}\nFROM step",
)


@functools.cache
def layouts() -> Mapping[int, Layout]:
    """The tables of every format version that is read."""
    return {1: layout(TABLES, ADDED)}
