"""Files that every format version was written with, once, by real trainings, are read for ever.

``golden/`` holds a file per kind and version, made from ``golden/train.py`` by ``whydiff record``,
``study --blocks 2``, ``lock --replicas 2`` and ``explain --json`` on JAX; paths are of no machine.
``lock-3.lock`` is the lock of ``golden/uses.py``, which predicts and evaluates as well.
They are never written anew. ``recording-1.json`` is what was read from the recording then.
"""

import json
import shutil
import sqlite3
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from whydiff.api.diff import diff
from whydiff.core.digests import tensor_digest
from whydiff.core.errors import WhydiffError
from whydiff.experiments.study.answer import answer
from whydiff.storage import StudyWriter, arrays, load, load_study, schema, studies
from whydiff.storage.answers import read_answer
from whydiff.storage.lockfile import lock_texts, read_lock, write_lock
from whydiff.storage.lockread import HEADER, details_path
from whydiff.storage.opening import Layout, layout, opened
from whydiff.storage.reader import RECORDING
from whydiff.storage.rows import FACT_FIELDS, TENSOR_FIELDS
from whydiff.storage.studies import STUDY
from whydiff.testing.storage_suite import CHECKS, KINDS

GOLDEN = Path(__file__).with_name("golden")
SUFFIX = {"recording": ".whydiff", "study": ".whydiff", "lock": ".lock", "answer": ".json"}
RECORDINGS = [GOLDEN / f"recording-{v}.whydiff" for v in range(1, schema.VERSION + 1)]
STUDIES = [GOLDEN / f"study-{v}.whydiff" for v in range(1, studies.VERSION + 1)]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_files_conform(kind, check, tmp_path):
    path = tmp_path / f"file{SUFFIX[kind.noun]}"
    golden = GOLDEN / f"{kind.noun}-{kind.newest}{path.suffix}"
    shutil.copyfile(golden, path)
    if details_path(golden).exists():
        shutil.copyfile(details_path(golden), details_path(path))
    check(kind, path)


def test_every_version_that_is_read_has_a_golden_file():
    assert sorted(schema.layouts()) == list(range(1, schema.VERSION + 1))
    assert sorted(studies.layouts()) == list(range(1, studies.VERSION + 1))
    assert all(path.exists() for path in RECORDINGS + STUDIES)
    for kind in KINDS:
        found = {path.stem for path in GOLDEN.glob(f"{kind.noun}-*{SUFFIX[kind.noun]}")}
        assert found >= {f"{kind.noun}-{v}" for v in range(1, kind.newest + 1)}


def summary(path):
    """All that a recording holds, as plain data; arrays by their digests."""
    execution = load(path)
    return {
        "script": execution.script,
        "exit_code": execution.exit_code,
        "fits": [fit_summary(path, fit) for fit in execution.fits],
        "draws": [
            [d.number, d.kind, d.owner, d.seed, d.explicit, d.layer, d.fit, len(d.stack)]
            for d in execution.ledger
        ],
    }


def fit_summary(path, fit):
    recipe = fit.recipe
    return {
        "model": fit.model,
        "line": fit.stack[-1].line,
        "finished": fit.finished,
        "steps": [list(fit.steps.shape), tensor_digest(fit.steps), fit.step_epochs.tolist()],
        "order": [epoch.tolist() for epoch in recipe.data_order.epochs],
        "batches": [epoch.tolist() for epoch in recipe.batch_size.epochs],
        "samples": tensor_digest(recipe.data_content.samples),
        "validation": recipe.data_content.validation,
        "facts": {name: dict(getattr(recipe, name)) for name in FACT_FIELDS},
        "tensors": {
            name: [[t.path, t.role, t.digest] for t in getattr(recipe, name)]
            for name in TENSOR_FIELDS
        },
        "epochs": [[e.index, e.steps, dict(e.logs)] for e in fit.epochs],
        "final": [[t.path, t.digest] for t in fit.final],
        "kept": {
            moment: {name: tensor_digest(v) for name, v in arrays(path, fit.index, moment).items()}
            for moment in ("initial", "final")
        },
    }


def subset(old, new, at="recording"):
    """What was read then is read now; a later whydiff may read more facts from it."""
    if isinstance(old, dict):
        for name, value in old.items():
            assert name in new, f"{at}.{name}"
            subset(value, new[name], f"{at}.{name}")
    else:
        assert json.loads(json.dumps(new)) == old, at


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_says_what_it_said(path):
    expected = json.loads(path.with_suffix(".json").read_text())
    now = summary(path)
    assert len(now["fits"]) == len(expected["fits"]) == 2
    for old, new in zip(expected["fits"], now["fits"], strict=True):
        subset(old, new)
    assert json.loads(json.dumps(now["draws"])) == expected["draws"]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_is_compared_as_it_was(path):
    same = diff(f"{path}:1", f"{path}:1")
    assert same.identical
    found = diff(f"{path}:1", f"{path}:2")
    assert not found.identical
    assert {f.source for f in found.findings if f.status == "differs"} >= {
        "initialization",
        "data-order",
        "optimizer",
    }


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_gives_its_answer(path):
    stored = load_study(path)
    assert stored.kept[0].result.logs[-1]["loss"] == pytest.approx(0.7225, abs=1e-4)
    found = answer(stored, "val_accuracy")
    assert found.outcome.metric == "val_accuracy"
    assert len(found.table) == len(stored.kept)


@pytest.mark.parametrize("version", range(1, KINDS[2].newest + 1))
def test_a_lock_is_read_and_the_newest_is_written_alike(version):
    path = GOLDEN / f"lock-{version}.lock"
    lock = read_lock(path)
    assert [fit.index for fit in lock.fits] == ([1, 2] if version < 3 else [1])
    kinds = [] if version < 3 else ["evaluate", "predict", "call"]
    assert [call.kind for call in lock.calls] == kinds
    assert lock.replicas and lock.fits[0].weights and lock.fits[0].epochs
    if version == KINDS[2].newest:
        text, details = lock_texts(lock)
        assert text == path.read_text()
        assert zlib.decompress(details_path(path).read_bytes()[len(HEADER) :]).decode() == details


@pytest.mark.parametrize("version", range(1, KINDS[2].newest + 1))
def test_a_lock_of_any_format_loses_nothing_in_the_newest(version, tmp_path):
    lock = read_lock(GOLDEN / f"lock-{version}.lock")
    write_lock(lock, tmp_path / "train.lock")
    again = read_lock(tmp_path / "train.lock")
    assert (again.fits, again.ledger, again.replicas) == (lock.fits, lock.ledger, lock.replicas)
    assert (again.script, again.environment) == (lock.script, lock.environment)
    assert again.calls == lock.calls


def test_an_answer_is_read_and_shown():
    found = read_answer(GOLDEN / "answer-1.json")
    assert {c.source for c in found.causes} >= {"initialization", "optimizer"}
    assert found.gap["metric"] == "val_accuracy"
    assert found.first_divergence.where == "dense/kernel"


# --- versions and additions that do not exist yet ----------------------------------------------

CALL = "CREATE TABLE call(\n    number INTEGER PRIMARY KEY NOT NULL\n)"


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "a.whydiff"
    shutil.copyfile(RECORDINGS[0], path)
    return path


def execute(path, statement):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()


def test_a_table_that_was_added_later_may_be_missing(recording):
    form = replace(RECORDING, layouts=lambda: {1: layout(schema.TABLES, (CALL,))})
    with opened(recording, form) as file:
        assert "call" not in file.tables and "fit" in file.tables
    execute(recording, CALL)
    with opened(recording, form) as file:
        assert "call" in file.tables


@pytest.mark.parametrize(
    "other", ["CREATE TABLE call(number)", "CREATE VIRTUAL TABLE call USING fts5(number)"]
)
def test_a_table_that_was_added_later_must_be_ours_where_it_is(recording, other):
    form = replace(RECORDING, layouts=lambda: {1: layout(schema.TABLES, (CALL,))})
    execute(recording, other)
    with (
        pytest.raises(WhydiffError, match="'call' is not as format 1 has it"),
        opened(recording, form),
    ):
        pass


def test_an_older_version_is_read_with_its_own_tables(recording):
    second = Layout({"meta": schema.layouts()[1].tables["meta"]}, {})
    form = replace(RECORDING, layouts=lambda: {1: schema.layouts()[1], 2: second})
    with opened(recording, form) as file:
        assert file.version == 1 and "step" in file.tables


def test_who_wrote_a_newer_file_is_only_asked_where_meta_is_a_plain_table(recording):
    execute(recording, "PRAGMA user_version=2")
    execute(recording, "DROP TABLE meta")
    execute(recording, "CREATE VIEW meta AS SELECT 'whydiff' AS name, '9.9' AS value")
    with pytest.raises(WhydiffError, match="recording format 2") as caught:
        load(recording)
    assert "9.9" not in caught.value.way_out


def test_a_study_in_an_older_format_is_read_but_not_added_to(tmp_path, monkeypatch):
    path = tmp_path / "a.whydiff"
    shutil.copyfile(STUDIES[0], path)
    monkeypatch.setattr(studies, "VERSION", 2)
    with pytest.raises(WhydiffError, match="study in format 1") as caught:
        StudyWriter.resume(path)
    assert "--output" in caught.value.way_out
    assert load_study(path).kept


def test_a_study_gets_the_tables_it_lacks_when_it_goes_on(tmp_path, monkeypatch):
    path = tmp_path / "a.whydiff"
    shutil.copyfile(STUDIES[0], path)
    ours = {1: layout(studies.TABLES, (CALL,))}
    monkeypatch.setattr(studies, "layouts", lambda: ours)
    monkeypatch.setattr(studies, "STUDY", replace(STUDY, layouts=lambda: ours))
    StudyWriter.resume(path).close()
    with opened(path, studies.STUDY) as file:
        assert "call" in file.tables
    assert np.isfinite(load_study(path).kept[1].result.seconds)
