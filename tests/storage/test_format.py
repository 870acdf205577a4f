"""FORMAT.md is true: its SQL runs on a recording, and its tables are those of the schema."""

import re
import sqlite3
from pathlib import Path

import pytest

import whydiff.storage
from whydiff.core.recording import STEP_GROUPS
from whydiff.storage import schema

FORMAT = Path(whydiff.storage.__file__).with_name("FORMAT.md").read_text()
QUERIES = re.findall(r"([^\n]+)\n\n```sql\n(.*?)```", FORMAT, re.DOTALL)


def ask(path, query):
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    rows = [dict(row) for row in connection.execute(query)]
    connection.close()
    return rows


@pytest.mark.parametrize(("question", "query"), QUERIES, ids=[q for q, _ in QUERIES])
def test_every_query_answers(recorded, question, query):
    assert ask(recorded, query), question


def answer(path, words):
    (query,) = [query for question, query in QUERIES if words in question]
    return ask(path, query)


def test_the_answers_are_those_of_the_recording(recorded, execution):
    assert len(QUERIES) == FORMAT.count("```sql") == 11
    meta = {row["name"]: row["value"] for row in answer(recorded, "how did it end")}
    assert (meta["format_version"], meta["exit_code"], meta["trouble"]) == (1, 0, "")
    assert [(row["fit"], row["steps"]) for row in answer(recorded, "steps seen")] == [
        (1, 6),
        (2, 6),
    ]
    assert [row["loss"] for row in answer(recorded, "the loss")] == [0.5, "NaN", 0.5, "NaN"]
    (fact,) = answer(recorded, "In which facts")
    assert fact == {
        "source": "optimizer", "name": "learning_rate", "first": "0.01", "second": "0.02"
    }  # fmt: skip
    (part,) = answer(recorded, "first step at which")
    assert (part["n"], part["same_batch"], part["same_weights"]) == (4, 1, 0)
    assert {row["fit"] for row in answer(recorded, "left behind")} == {2}
    assert [row["path"] for row in answer(recorded, "never move")] == ["dense/bias"] * 2
    assert [row["orders"] for row in answer(recorded, "the same order")] == [2, 2]
    first = execution.fits[0].recipe.data_content.samples[0]
    assert answer(recorded, "first sample")[0]["digest"] == f"{first[0]:016x}{first[1]:016x}"
    assert [row["seed"] for row in answer(recorded, "nobody set")] == [str(2**80)]


def test_the_view_decodes_the_digests_of_a_step(recorded, execution):
    rows = ask(recorded, "SELECT * FROM step_hex WHERE fit = 1 ORDER BY n")
    for row, digests in zip(rows, execution.fits[0].steps, strict=True):
        assert [row[group] for group in STEP_GROUPS] == [f"{value:016x}" for value in digests]


def test_every_table_and_column_is_described(recorded):
    described = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", FORMAT, re.MULTILINE))
    assert set(described) == set(schema.layouts()[schema.VERSION].all)
    for table, text in described.items():
        for column in ask(recorded, f"PRAGMA table_info({table})"):
            assert f"`{column['name']}`" in text, (table, column["name"])


def test_the_version_and_the_id_are_as_described(recorded):
    raw = recorded.read_bytes()
    assert f"`0x{int.from_bytes(raw[68:72], 'big'):08x}`" in FORMAT
    assert raw[68:72] == b"whyd"
    assert f"version {int.from_bytes(raw[60:64], 'big')}\n" in FORMAT
