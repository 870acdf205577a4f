"""What every kind of file must do; a new kind or version runs through it with one written file.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
    def test_conforms(check, kind, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(...)  # a file of that kind
        check(kind, path)

A check raises AssertionError with what is wrong. It may change the file and others beside it.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.storage import load, load_study, schema, studies
from whydiff.storage.answers import SCHEMA, read_answer
from whydiff.storage.lockfile import VERSION as LOCK_VERSION, read_lock


@dataclass(frozen=True)
class FileKind:
    """One kind of file: how it is read, and how a test changes it behind the reader's back."""

    noun: str
    newest: int  # format version
    read: Callable[[Path], Any]
    set_version: Callable[[Path, int], None]
    set_writer: Callable[[Path, str], None] | None  # the whydiff that wrote it, as the file says
    add_unknown: Callable[[Path], None]  # something that a newer whydiff of this version may add


def check_reading_changes_nothing(kind: FileKind, path: Path) -> None:
    """The same bytes afterwards, no file beside it, and reading again gives the same."""
    before, beside = path.read_bytes(), sorted(path.parent.iterdir())
    first, again = kind.read(path), kind.read(path)
    assert repr(first) == repr(again)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == beside


def check_newer_version_says_what_to_install(kind: FileKind, path: Path) -> None:
    """The error names both versions, and the whydiff that can read the file where that is known."""
    kind.set_version(path, kind.newest + 1)
    if kind.set_writer:
        for said in ("unknown", "$(reboot)", "1.2; rm", "-e .", "1." + "1" * 100, "1.1" + "a" * 30):
            kind.set_writer(path, said)
            assert "pip install --upgrade whydiff" in _refused(kind, path).way_out, said
        kind.set_writer(path, "7.1.0rc1")
        assert "pip install 'whydiff>=7.1.0rc1'" in _refused(kind, path).way_out
    error = _refused(kind, path)
    assert f"{kind.noun} format {kind.newest + 1}" in str(error), error
    assert "whydiff" in error.way_out and "nstall" in error.way_out, error.way_out


def check_version_that_never_was_is_damage(kind: FileKind, path: Path) -> None:
    """Zero and negative versions are no older formats."""
    for version in (0, -1):
        kind.set_version(path, version)
        assert "newer" not in str(_refused(kind, path))


def check_unknown_additions_are_ignored(kind: FileKind, path: Path) -> None:
    """What a later whydiff adds within a version does not keep this one from reading."""
    before = repr(kind.read(path))
    kind.add_unknown(path)
    assert len(repr(kind.read(path))) >= len(before)


def check_cut_short_anywhere(kind: FileKind, path: Path) -> None:
    """A part of a file is refused, wherever it ends."""
    whole = path.read_bytes()
    for size in range(0, len(whole) - 2, max(1, len(whole) // 50)):
        path.write_bytes(whole[:size])
        _refused(kind, path)


def check_changed_anywhere(kind: FileKind, path: Path) -> None:
    """Any byte may be another: the file is read or refused, nothing else happens."""
    whole, chance = path.read_bytes(), random.Random(0)
    for _ in range(100):
        changed = bytearray(whole)
        changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed)
        try:
            kind.read(path)
        except WhydiffError as error:
            _clear(error, path)


def check_something_else_is_refused(kind: FileKind, path: Path) -> None:
    """A missing file, a folder, and files that are something else."""
    path.unlink()
    _refused(kind, path)
    path.mkdir()
    _refused(kind, path)
    path.rmdir()
    for content in (b"", b"import keras\n", b"\xff\xfe\0", b"SQLite format 3\0" + b"\xff" * 5000):
        path.write_bytes(content)
        _refused(kind, path)


CHECKS = (
    check_reading_changes_nothing,
    check_newer_version_says_what_to_install,
    check_version_that_never_was_is_damage,
    check_unknown_additions_are_ignored,
    check_cut_short_anywhere,
    check_changed_anywhere,
    check_something_else_is_refused,
)


def _refused(kind: FileKind, path: Path) -> WhydiffError:
    try:
        read = kind.read(path)
    except WhydiffError as error:
        _clear(error, path)
        return error
    raise AssertionError(f"{path} was read as {str(read)[:80]}")


def _clear(error: WhydiffError, path: Path) -> None:
    assert str(path) in str(error), error
    assert error.way_out, error


def _execute(path: Path, statement: str, *parameters: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(statement, parameters)
    finally:
        connection.close()


def _sqlite_version(path: Path, version: int) -> None:
    _execute(path, f"PRAGMA user_version={version}")


def _sqlite_unknown(path: Path) -> None:
    _execute(path, "CREATE TABLE more(x)")
    _execute(path, "INSERT INTO more VALUES(1)")
    _execute(path, "INSERT INTO meta VALUES('more', '1')")


def _meta_plain(path: Path, writer: str) -> None:
    _execute(path, "UPDATE meta SET value = ? WHERE name = 'whydiff'", writer)


def _meta_json(path: Path, writer: str) -> None:
    _meta_plain(path, json.dumps(writer))


def _set(name: str) -> Callable[[Path, Any], None]:
    """Set an entry at the top of a JSON file."""

    def change(path: Path, value: Any) -> None:
        path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))

    return change


KINDS = (
    FileKind("recording", schema.VERSION, load, _sqlite_version, _meta_plain, _sqlite_unknown),
    FileKind("study", studies.VERSION, load_study, _sqlite_version, _meta_json, _sqlite_unknown),
    FileKind(
        "lock",
        LOCK_VERSION,
        read_lock,
        _set("whydiff lock"),
        _set("readable from"),
        lambda path: _set("more")(path, {"x": [1]}),
    ),
    FileKind(
        "answer",
        SCHEMA,
        read_answer,
        _set("schema"),
        None,
        lambda path: _set("more")(path, {"x": [1]}),
    ),
)
