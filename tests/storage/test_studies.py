"""A study file gives back what was put in, survives a kill, and trusts nothing."""

import random
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import StoredReplica, draw_plan
from whydiff.core.replicas import Result
from whydiff.storage import (
    CALIBRATION,
    ELSEWHERE,
    TARGETS,
    StoredStudy,
    StudyWriter,
    kept_weights,
    kind,
    load,
    load_study,
)

PLAN = draw_plan(("initialization", "noise"), ("initialization", "noise"), {"shuffle": (True,)}, 2)


def kept(member, **other):
    rng = np.random.default_rng(member.number)
    fields = {
        "replica": member.replica,
        "engine": "solo",
        "logs": ({"loss": 0.5, "val_loss": float("nan")}, {"loss": float(rng.random())}),
        "predictions": (rng.random((5, 2)).astype("float32"), rng.random(5)),
        "digest": f"{member.number:032x}",
        "seconds": 0.25,
        "machine": {"hardware": {"cpu": "X", "devices": ["gpu B"]}, "threads": {}},
    }
    return StoredReplica(member, Result(**{**fields, **other}))


def same(one, other):
    assert one.member == other.member
    a, b = one.result, other.result
    assert (a.engine, a.digest, a.seconds, a.failure) == (b.engine, b.digest, b.seconds, b.failure)
    assert repr(a.logs) == repr(b.logs)  # NaN included
    assert a.machine == b.machine
    assert (a.predictions is None) == (b.predictions is None)
    for x, y in zip(a.predictions or (), b.predictions or (), strict=True):
        assert x.dtype == y.dtype and np.array_equal(x, y)


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "a.whydiff"
    with StudyWriter.begin(path, {"script": "train.py", "plan": PLAN.to_dict()}) as writer:
        writer.add(map(kept, PLAN.members), distances={(1, 2): 0.5, (1, 3): float("nan")})
        writer.add([kept(PLAN.members[1], engine="fused")], CALIBRATION)
        writer.keep(TARGETS, {"target:0": np.arange(5)})
    return path


def test_everything_comes_back(written):
    study = load_study(written)
    assert [p.name for p in written.parent.iterdir()] == ["a.whydiff"]
    assert list(study.kept) == [m.number for m in PLAN.members]
    for member in PLAN.members:
        same(study.kept[member.number], kept(member))
    same(study.calibration[1], kept(PLAN.members[1], engine="fused"))
    assert study.meta["plan"] == PLAN.to_dict() and study.meta["started"]
    assert study.distances[1, 2] == 0.5 and np.isnan(study.distances[1, 3])
    assert (study.targets[0] == np.arange(5)).all()


def test_the_own_training_of_further_machines_comes_back(written):
    elsewhere = kept(PLAN.members[0], machine={"hardware": {"cpu": "Y"}})
    with StudyWriter.resume(written) as writer:
        writer.add([elsewhere], f"{ELSEWHERE} 0")
    (found,) = load_study(written).elsewhere
    same(found, elsewhere)
    assert load_study(written).kept[0].result.machine["hardware"]["cpu"] == "X"


def test_failed_replica_has_no_outcome(tmp_path):
    failed = kept(PLAN.members[2], predictions=None, logs=(), failure="out of memory", digest="")
    with StudyWriter.begin(tmp_path / "a.whydiff", {}) as writer:
        writer.add([failed])
    same(load_study(tmp_path / "a.whydiff").kept[2], failed)


def test_weights_are_kept_until_their_block_is_complete(tmp_path):
    path = tmp_path / "a.whydiff"
    with StudyWriter.begin(path, {}) as writer:
        writer.add([kept(PLAN.members[1])], weights={1: {"a": np.ones(3)}})
        assert (kept_weights(path)[1]["a"] == 1).all()
    with StudyWriter.resume(path) as writer:
        writer.add([kept(PLAN.members[2])], distances={(1, 2): 1.0}, drop=[1])
    assert kept_weights(path) == {} and list(load_study(path).kept) == [1, 2]


def test_recordings_and_studies_are_told_apart(written, recorded, tmp_path):
    assert (kind(written), kind(recorded), kind(tmp_path / "none")) == ("study", "recording", "")
    with pytest.raises(WhydiffError, match="not a whydiff recording: it is a study"):
        load(written)
    with pytest.raises(WhydiffError, match="not a whydiff study: it is a recording"):
        load_study(recorded)


def test_bytes_changed_anywhere(written, tmp_path):
    whole, chance = written.read_bytes(), random.Random(0)
    changed = tmp_path / "changed.whydiff"
    for _ in range(300):
        raw = bytearray(whole)
        for _ in range(chance.choice([1, 1, 8])):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        changed.write_bytes(raw)
        try:
            assert isinstance(load_study(changed), StoredStudy)
        except WhydiffError as error:
            assert str(changed) in str(error)


def test_cut_short_anywhere(written, tmp_path):
    whole = written.read_bytes()
    cut = tmp_path / "cut.whydiff"
    for size in range(0, len(whole), 997):
        cut.write_bytes(whole[:size])
        with pytest.raises(WhydiffError, match=r"damaged|empty|no SQLite file"):
            load_study(cut)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE replica SET kind = 'other'",
        "UPDATE replica SET seeds = '{\"noise\": 1.5}'",
        "UPDATE replica SET seeds = '[]'",
        "UPDATE replica SET redrawn = 'import os'",
        "UPDATE replica SET seconds = 'soon'",
        "UPDATE replica SET digest = x'00'",
        'UPDATE epoch SET logs = \'{"loss": "low"}\'',
        "UPDATE distance SET relative = 'far'",
        "UPDATE arrays SET data = x'8004'",
        "UPDATE arrays SET part = 7",
        "UPDATE machine SET facts = '[]'",
        "UPDATE machine SET facts = '{\"hardware\": 3}'",
        'UPDATE machine SET facts = \'{"hardware": {"devices": "gpu"}}\'',
        "DROP TABLE epoch",
        "ALTER TABLE meta ADD COLUMN more",
    ],
)
def test_values_that_are_none_of_ours(written, change):
    with sqlite3.connect(written) as db:
        db.execute(change)
    db.close()
    with pytest.raises(WhydiffError, match="damaged"):
        load_study(written)


WRITING = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_studies import PLAN, kept
from whydiff.core.plan import draw_plan
from whydiff.storage import StudyWriter

writer = StudyWriter.begin(Path(sys.argv[1]), {})
for member in draw_plan(("noise",), ("noise",), {}, 10_000).members:
    writer.add([kept(member)], distances={(0, member.number): 1.0})
    print(member.number, flush=True)
"""


@pytest.mark.parametrize("seed", range(3))
def test_kill_minus_nine_at_any_moment(tmp_path, seed):
    chance, path = random.Random(seed), tmp_path / "a.whydiff"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITING, path, Path(__file__).parent],
        stdout=subprocess.PIPE,
        text=True,
    )
    told = [int(process.stdout.readline()) for _ in range(chance.randrange(1, 40))]
    time.sleep(chance.random() / 50)
    process.kill()
    process.communicate()
    study = load_study(path)
    assert set(study.kept) >= set(told)
    assert {b for _, b in study.distances} == set(study.kept)
    plan = draw_plan(("noise",), ("noise",), {}, len(study.kept))
    for number, found in study.kept.items():
        same(found, kept(plan.members[number]))
    with StudyWriter.resume(path) as writer:
        writer.add([kept(plan.members[-1])])
    assert plan.members[-1].number in load_study(path).kept


def test_the_documented_queries_run(written):
    text = (Path(load.__code__.co_filename).parent / "STUDY_FORMAT.md").read_text()
    queries = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    assert len(queries) >= 3
    with sqlite3.connect(written) as db:
        assert all(db.execute(query).fetchall() for query in queries)
    db.close()


@pytest.mark.parametrize(
    "acting",
    [
        "CREATE TRIGGER forge AFTER INSERT ON replica BEGIN DELETE FROM replica; END",
        "CREATE VIEW rows AS SELECT * FROM replica",
    ],
)
def test_a_study_in_which_something_acts_is_refused(tmp_path, acting):
    path = tmp_path / "s.whydiff"
    StudyWriter.begin(path, {}).close()
    connection = sqlite3.connect(path)
    connection.execute(acting)
    connection.close()
    with pytest.raises(WhydiffError, match="no study has any"):
        load_study(path)


def test_two_processes_do_not_write_one_study(tmp_path):
    path = tmp_path / "s.whydiff"
    with StudyWriter.begin(path, {}):
        with pytest.raises(WhydiffError, match="another process is writing"):
            StudyWriter.resume(path)
        with pytest.raises(WhydiffError, match="another process is writing"):
            StudyWriter.begin(path, {})
    StudyWriter.resume(path).close()


def test_pages_that_multiply(tmp_path, multiply):
    path = tmp_path / "s.whydiff"
    StudyWriter.begin(path, {}).close()
    connection = sqlite3.connect(path)
    pairs = [(a, a + 1, 0.5) for a in range(3000)]
    connection.executemany("INSERT INTO distance VALUES(?, ?, ?)", pairs)
    connection.commit()
    connection.close()
    multiply(path, "distance")
    with pytest.raises(WhydiffError, match="in table 'distance'"):
        load_study(path)
