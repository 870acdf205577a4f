"""The reader against recordings changed at random: an answer or a clear refusal, nothing else.

What is read is also shown and compared, since a value that is read but breaks the next room is
no better than one that breaks the reader.
"""

import contextlib
import io
import json
import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from whydiff.api.diff import diff
from whydiff.core.errors import WhydiffError
from whydiff.core.visible import plain
from whydiff.report import execution_dict, print_answer
from whydiff.storage import arrays, blobs, load, schema

NUMBERS = [0, 1, -1, 2, 7, 2**31, 2**62, -(2**63), 1e300, float("inf"), None]
JSON = ["[]", "{}", "null", '"NaN"', "true", "-1", "1e999", "[1]", '["a"]', '{"a":1}', "[[1]]",
        '{"loss":"NaN"}', "[-1]", "[9999999999999]", '["x: float32 (3,)"]', "[" * 5000]  # fmt: skip
WORDS = ["", "x", "final", "epoch", "noise", "float32", "bfloat16", "trainable", "slot", "batch",
         "'; DROP TABLE step; --", "\x1b[31m[red]", "a\nb", "\0", b"", b"\0" * 40]  # fmt: skip

values = st.sampled_from(NUMBERS + JSON + WORDS) | st.integers(-(2**63), 2**63 - 1) | st.text()
series = st.lists(st.sampled_from([0, 1, 19, 20, -5, 2**31, 2**62, -(2**63)]), max_size=25)


@dataclass(frozen=True)
class Whole:
    """A recording, its bytes and its columns as (table, column), not shown where a test fails."""

    path: Path
    raw: bytes = field(repr=False)
    columns: list[tuple[str, str]] = field(repr=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, execution, write):
    path = tmp_path_factory.mktemp("fuzz") / "whole.whydiff"
    writer = write(path, execution, close=False)
    writer.tensors(1, "initial", {"weights:dense/kernel": np.ones((1, 2), np.float32)})
    writer.close(0)
    connection = sqlite3.connect(path)
    columns = [
        (table, row[1])
        for table in schema.layouts()[schema.VERSION].all
        for row in connection.execute(f"PRAGMA table_info({table})")
    ]
    connection.close()
    return Whole(path, path.read_bytes(), columns)


def outcome(changed, path):
    """What a person would do with a recording; True if nothing was refused."""
    try:
        execution = load(changed)
        print_answer(execution, io.StringIO())
        json.dumps(plain(execution_dict(execution)), allow_nan=False)
        for fit in execution.fits:
            arrays(changed, fit.index, "initial")
        for pair in ((path, changed), (changed, path), (changed, changed)):
            found = diff(*map(str, pair))
            print_answer(found, io.StringIO())
            json.dumps(plain(found.to_dict()), allow_nan=False)
    except WhydiffError as error:
        assert str(changed) in str(error) or error.way_out
        return False
    return True


def edited(data, columns, changed):
    """A few values of a recording replaced, or half the rows of a table gone."""
    connection = sqlite3.connect(changed, isolation_level=None)
    for _ in range(data.draw(st.integers(1, 3))):
        table, column = data.draw(st.sampled_from(columns))
        few = " WHERE random() % 3 = 0" * data.draw(st.booleans())
        kind = data.draw(st.sampled_from(["value", "value", "value", "order", "delete"]))
        try:
            if kind == "delete":
                connection.execute(f"DELETE FROM {table}{few}")
            elif kind == "order":
                dtype, length, packed = blobs.pack_series(np.array(data.draw(series), np.int64))
                setting = "dtype = ?, length = ?, data = ?"
                connection.execute(f"UPDATE series SET {setting}{few}", (dtype, length, packed))
            else:
                value = data.draw(values)
                connection.execute(f"UPDATE OR REPLACE {table} SET {column} = ?{few}", (value,))
        except (sqlite3.Error, UnicodeEncodeError):
            continue  # SQLite itself keeps this value out of this column
    connection.close()


def mangled(data, raw):
    """Bytes of a recording changed, cut off, or doubled."""
    made = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(made) - 1))
        new = data.draw(st.binary(min_size=1, max_size=8))
        made[at : at + len(new)] = new
    if data.draw(st.integers(0, 3)) == 0:
        made = made[: data.draw(st.integers(0, len(made)))]
    return bytes(made)


def fuzz(whole, tally, data):
    changed = whole.path.with_name("changed.whydiff")
    changed.write_bytes(whole.raw)
    if data.draw(st.booleans()):
        edited(data, whole.columns, changed)
    else:
        changed.write_bytes(mangled(data, whole.raw))
    answered = outcome(changed, whole.path)
    tally["recordings changed at random", "answered" if answered else "refused"] += 1


RELAXED = {"suppress_health_check": list(HealthCheck)}


@settings(max_examples=120, derandomize=True, **RELAXED)
@given(data=st.data())
def test_a_recording_changed_at_random(whole, tally, data):
    fuzz(whole, tally, data)


@pytest.mark.thorough
@settings(max_examples=int(os.environ.get("WHYDIFF_ATTACK", "2000")), **RELAXED)
@given(data=st.data())
def test_a_recording_changed_at_random_many_times(whole, tally, data):
    fuzz(whole, tally, data)


def test_bytes_in_the_place_of_any_value(whole, tally):
    """SQLite keeps bytes in a column of any type; one value of every column, one by one."""
    changed = whole.path.with_name("changed.whydiff")
    for table, column in whole.columns:
        changed.write_bytes(whole.raw)
        with contextlib.closing(sqlite3.connect(changed, isolation_level=None)) as db:
            try:
                db.execute(f"UPDATE OR REPLACE {table} SET {column} = x''")
            except sqlite3.Error:
                continue  # a whole number that counts the rows of its table
        answered = outcome(changed, whole.path)
        tally["recordings with bytes", "answered" if answered else "refused"] += 1


def test_the_fuzzing_would_notice(whole, monkeypatch):
    """Left as it is the recording passes, and a reader that trusts its input is caught."""
    path, raw = whole.path, whole.raw
    changed = path.with_name("changed.whydiff")
    changed.write_bytes(raw)
    assert outcome(changed, path)
    monkeypatch.setattr("whydiff.storage.reader._text", lambda meta, name: meta[name].strip())
    connection = sqlite3.connect(changed, isolation_level=None)
    connection.execute("UPDATE meta SET value = 7 WHERE name = 'script'")
    connection.close()
    with pytest.raises(AttributeError):
        outcome(changed, path)


@pytest.mark.thorough
def test_cut_short_at_any_byte(whole, tally):
    path, raw = whole.path, whole.raw
    cut = path.with_name("cut.whydiff")
    borders = {page + off for page in range(0, len(raw), 4096) for off in (-1, 0, 1, 100, 101)}
    for size in sorted((borders | set(range(0, len(raw), 61))) & set(range(len(raw)))):
        cut.write_bytes(raw[:size])
        with pytest.raises(WhydiffError, match=r"damaged|empty|no SQLite file"):
            load(cut)
        tally["recordings cut short", "refused"] += 1
