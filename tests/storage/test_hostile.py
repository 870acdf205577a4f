"""No file, however made, does more than raise WhydiffError: nothing runs, nothing blows up."""

import json
import pickle
import random
import sqlite3
import zlib

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.recording import Execution
from whydiff.storage import arrays, load, schema


def refused(path, match):
    """The error of loading ``path``, which names the file and a way out."""
    with pytest.raises(WhydiffError, match=match) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert caught.value.way_out
    return caught.value


def survives(path):
    """Loading gives an execution or a clear error, nothing else."""
    try:
        assert isinstance(load(path), Execution)
        arrays(path, 1, "initial")
    except WhydiffError as error:
        assert str(path) in str(error)


def test_cut_short_anywhere(recorded, tmp_path):
    whole = recorded.read_bytes()
    cut = tmp_path / "cut.whydiff"
    for size in range(0, len(whole), 251):
        cut.write_bytes(whole[:size])
        refused(cut, "damaged|empty|no SQLite file")


def test_bytes_changed_anywhere(recorded, tmp_path):
    whole, chance = recorded.read_bytes(), random.Random(0)
    changed = tmp_path / "changed.whydiff"
    for _ in range(400):
        raw = bytearray(whole)
        for _ in range(chance.choice([1, 1, 8])):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        changed.write_bytes(raw)
        survives(changed)


def test_a_damaged_log_beside_the_file(tmp_path, execution, write):
    path = tmp_path / "run.whydiff"
    write(path, execution, close=False)
    live = tmp_path / "run.whydiff-wal"
    log, chance = live.read_bytes(), random.Random(0)
    copy = tmp_path / "copy.whydiff"
    for size in [0, 1, 31, 32, *chance.sample(range(len(log)), 40), len(log)]:
        copy.write_bytes(path.read_bytes())
        (tmp_path / "copy.whydiff-shm").unlink(missing_ok=True)
        raw = bytearray(log[:size])
        if size > 100:
            raw[chance.randrange(size)] ^= 0xFF
        (tmp_path / "copy.whydiff-wal").write_bytes(raw)
        survives(copy)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "it is empty"),
        (b"import keras\n", "it is no SQLite file"),
        (b"SQLite format 3\0" + b"\xff" * 5000, "damaged"),
        (pickle.dumps(Execution), "it is no SQLite file"),
    ],
)
def test_files_that_are_something_else(tmp_path, content, match):
    path = tmp_path / "run.whydiff"
    path.write_bytes(content)
    refused(path, match)


def test_a_missing_file_and_a_folder(tmp_path):
    refused(tmp_path / "missing.whydiff", "does not exist")
    refused(tmp_path, "cannot read")


def test_another_programs_database(tmp_path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE meta(name, value)")
    connection.close()
    refused(path, "another program's")


@pytest.mark.parametrize(
    "replacement",
    [
        "CREATE VIEW meta AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"
        " SELECT n AS name, n AS value FROM r",
        "CREATE TABLE meta(name TEXT, value AS (zeroblob(1000000000)))",
        "CREATE VIRTUAL TABLE meta USING fts5(name, value)",
        "CREATE TABLE meta(name, value)",
    ],
)
def test_a_table_replaced_by_something_that_acts(recorded, edit, replacement):
    edit(recorded, "DROP TABLE meta")
    edit(recorded, replacement)
    refused(recorded, "its table 'meta' is")


def test_triggers_and_views_of_the_file_never_run(recorded, edit):
    edit(recorded, "DROP VIEW step_hex")
    edit(recorded, "CREATE VIEW step_hex AS SELECT load_extension('/nowhere') FROM step")
    edit(recorded, "CREATE TRIGGER t AFTER INSERT ON meta BEGIN SELECT raise(ABORT, 'ran'); END")
    assert len(load(recorded).fits) == 2


@pytest.mark.parametrize("table", [sql.split("(")[0].split()[-1] for sql in schema.TABLES])
def test_any_value_in_any_column(recorded, edit, table):
    connection = sqlite3.connect(recorded)
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    connection.close()
    whole = recorded.read_bytes()
    for column in columns:
        for value in (b"\x80", "x", "", "[]", "{}", "[[[", -1, 2**62, 1e300, '"\\ud800"'):
            try:
                edit(recorded, f"UPDATE OR REPLACE {table} SET {column} = ?", value)
            except sqlite3.IntegrityError:
                continue  # SQLite itself keeps text out of an integer key
            survives(recorded)
            recorded.write_bytes(whole)


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("UPDATE step SET digests = x'00' WHERE n = 2", "digests of step 2"),
        ("UPDATE step SET digests = 'text' WHERE n = 2", "digests of step 2"),
        ("DELETE FROM step WHERE n = 2", "step 2 is missing"),
        ("UPDATE step SET epoch = 'one' WHERE n = 2", "step 2"),
        ("DELETE FROM tensor WHERE position = 0", "tensor 0 of .* is missing"),
        ("UPDATE tensor SET shape = '[-1]'", "shape of dense/"),
        ("UPDATE tensor SET shape = '[1e400]'", "shape of dense/"),
        ("UPDATE tensor SET digest = 7.5, path = x'00'", "not text"),
        ("UPDATE fact SET value = 'NaN'", "bare NaN"),
        ("UPDATE fact SET value = printf('%.100000c', '[')", "not JSON"),
        ("UPDATE fact SET value = printf('%.9999c', '7')", "not JSON"),
        ('UPDATE epoch SET logs = \'{"loss": "much"}\'', "'loss' is str"),
        ("UPDATE epoch SET logs = '[]'", "not a JSON object"),
        ("UPDATE fit SET stack = '[{\"file\": 1}]'", "not a frame"),
        ("UPDATE fit SET samples = 'nowhere'", "samples 'nowhere' are missing"),
        ("UPDATE fit SET unit = 'pair'", "unit"),
        ("DELETE FROM feed WHERE position = 0", "order of epoch 0 is missing"),
        ("DELETE FROM series", "series .* is missing|order of epoch 0 is missing"),
        ("UPDATE series SET length = length + 1", "holds others"),
        ("UPDATE series SET length = 1", "holds others"),
        ("UPDATE series SET length = 4611686018427387904", "claims 4611686018427387904 values"),
        ("UPDATE series SET length = -1", "claims -1 values"),
        ("UPDATE series SET data = substr(data, 1, 9)", "claims"),
        ("UPDATE series SET dtype = '|O'", "none of ours"),
        ("UPDATE samples SET length = 4611686018427387904", "samples do not fill"),
        ("UPDATE meta SET value = 7 WHERE name = 'script'", "script is 7"),
        ("UPDATE meta SET value = '[1]' WHERE name = 'arguments'", "arguments"),
        ("UPDATE meta SET value = 'zero' WHERE name = 'exit_code'", "exit code 'zero'"),
        ("UPDATE meta SET value = '[\"x\"]' WHERE name = 'step_groups'", "groups"),
        ("DELETE FROM meta", "format_version"),
        ("UPDATE draw SET seed = 'os.system' WHERE number = 1", "invalid literal"),
        ("UPDATE environment SET value = x'80'", "JSON text"),
    ],
)
def test_what_is_wrong_is_named(recorded, edit, statement, match):
    edit(recorded, statement)
    refused(recorded, match)


def test_a_compressed_bomb_is_not_inflated(recorded, edit):
    bomb = zlib.compress(bytes(64 * 2**20), 9)
    edit(recorded, "UPDATE series SET data = ?", bomb)
    refused(recorded, "holds others")


@pytest.mark.parametrize(
    "header",
    [
        {"w": {"dtype": "F32", "shape": [2**60], "data_offsets": [0, 2**62]}},
        {"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}},
        {"w": {"dtype": "OBJECT", "shape": [1], "data_offsets": [0, 4]}},
        {"__metadata__": {"stored as raw bits: w": '["float8_e4m3fn", [1]]'}},
        {
            "w": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
            "__metadata__": {"stored as raw bits: w": '["O", [1]]'},
        },
        {
            "w": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
            "__metadata__": {"stored as raw bits: w": '["__loader__", [1]]'},
        },
        {
            "w": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
            "__metadata__": {"stored as raw bits: w": "[[[1]]]"},
        },
        {
            "": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            "__metadata__": {"repeated to shape: ": "[1073741824]"},
        },
        {
            "": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
            "__metadata__": {"repeated to shape: ": "[8]"},
        },
    ],
)
def test_weights_that_lie_about_themselves(recorded, edit, header):
    text = json.dumps(header).encode()
    data = len(text).to_bytes(8, "little") + text + bytes(4)
    edit(recorded, "UPDATE array SET data = ?", data)
    with pytest.raises(WhydiffError, match="safetensors") as caught:
        arrays(recorded, 1, "initial")
    assert str(recorded) in str(caught.value)


@pytest.mark.parametrize("value", [b"", b"\xff" * 8, np.save.__name__, 7, None])
def test_weights_that_are_no_safetensors_file(recorded, edit, value):
    if value is None:
        edit(recorded, "UPDATE array SET part = part + 10")
    else:
        edit(recorded, "UPDATE array SET data = ?", value)
    with pytest.raises(WhydiffError, match="damaged"):
        arrays(recorded, 1, "initial")
