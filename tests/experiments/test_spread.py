"""A study over workers: what is sent, what comes back, what happens where something does not."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import whydiff
from whydiff.core.errors import WhydiffError
from whydiff.core.machine import THREAD_VARIABLES
from whydiff.core.progress import Silent
from whydiff.core.shards import parse_shard
from whydiff.core.vary import parse_vary, vary_words
from whydiff.experiments.study import spread
from whydiff.experiments.study.merging import extract_part
from whydiff.experiments.study.watched_fit import text_of
from whydiff.runner.executors.commands import Ended
from whydiff.runner.executors.dask import local_cluster
from whydiff.storage import load_study
from whydiff.testing.studies import made, rows_of, write

SCRIPT = Path(__file__).parent.parent / "scripts" / "small_study.py"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A script that is never run; ``whole`` is the study that its workers would train."""
    monkeypatch.chdir(tmp_path)
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "train.py").write_text("raise SystemExit('it was run')\n")
    (tmp_path / "data.csv").write_text("1,2\n")
    study = made({"initialization": 1.0, "noise": 0.2}, blocks=6, text=text_of(Path("train.py")))
    write(replace(study, meta={**study.meta, "together": 1}), tmp_path / "whole")
    return tmp_path


class Cluster:
    """Workers that bring back their part of the study without training, or fail.

    ``fails`` maps the number of a shard to what its worker says.
    """

    def __init__(self, folder, fails=()):
        self.folder, self.fails, self.commands = folder, dict(fails), []

    def __call__(self, command):
        self.commands.append(command)
        words = command.words
        shard = parse_shard(words[words.index("--shard") + 1])
        said = self.fails.get(shard.number)
        if said is not None:
            if isinstance(said, BaseException):
                raise said
            return Ended(2, said, {})
        part = self.folder / f"sent-{len(self.commands)}"
        extract_part(load_study(self.folder / "whole"), shard, part)
        return Ended(0, "", {"shard.whydiff": part.read_bytes()})

    def study(self, monkeypatch, **options):
        monkeypatch.setattr(spread, "run_command", self)
        with ThreadPoolExecutor(1) as executor:
            return whydiff.study(
                "train.py", executor=executor, output="s.whydiff",
                **{"workers": 3, "blocks": 6, **options},
            )  # fmt: skip


def test_the_parts_that_come_back_are_the_study(folder, monkeypatch):
    cluster = Cluster(folder)
    found = cluster.study(monkeypatch, vary=["initialization,noise", "shuffle=on,off"], seed=4,
                          time_limit=90, arguments=["--lr", "1"])  # fmt: skip
    assert found.missing == () and found.path == "s.whydiff"
    assert rows_of(folder / "s.whydiff") == rows_of(folder / "whole")
    assert not (folder / "s.whydiff.parts").exists()
    words = " ".join(cluster.commands[0].words[4:])
    assert words == (
        "study train.py --shard 1/3 --output shard.whydiff --vary initialization,noise"
        " --vary shuffle=on,off --blocks 6 --seed 4 --engine auto --workers 1"
        " --time-limit 90.000s -- --lr 1"
    )
    assert set(cluster.commands[0].files) == {"train.py", "data.csv", "whole"}
    assert cluster.commands[0].environment["OMP_NUM_THREADS"] == "1"


def test_what_one_worker_cannot_train_is_missing_and_resume_trains_only_that(folder, monkeypatch):
    said = "some output\nwhydiff: train.py exited with 1"
    found = Cluster(folder, {2: said}).study(monkeypatch)
    assert found.missing == (1, 4) and "shard 2/3" in found.notes[0]
    cluster = Cluster(folder)
    again = cluster.study(monkeypatch, resume=True, blocks=None)
    assert again.missing == () and rows_of(folder / "s.whydiff") == rows_of(folder / "whole")
    assert all("--resume" in c.words and "shard.whydiff" in c.files for c in cluster.commands)


def test_a_study_that_goes_on_keeps_what_its_workers_do_not_bring_back(folder, monkeypatch):
    Cluster(folder).study(monkeypatch)
    found = Cluster(folder, dict.fromkeys((1, 2, 3), "whydiff: no memory")).study(
        monkeypatch, resume=True
    )
    assert found.missing == () and rows_of(folder / "s.whydiff") == rows_of(folder / "whole")


def test_no_worker_trained_anything(folder, monkeypatch):
    fails = dict.fromkeys((1, 2, 3), "whydiff: this worker has keras 3.1, not 3.2")
    with pytest.raises(WhydiffError, match=r"shard 1/3 failed: this worker has keras 3.1"):
        Cluster(folder, fails).study(monkeypatch)
    assert sorted(p.name for p in folder.glob("s.*")) == []


def test_ctrl_c_keeps_the_parts_that_came_back(folder, monkeypatch):
    class Impatient(Silent):
        def advance(self, n=1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"are in s.whydiff; .* --resume goes on"):
        Cluster(folder).study(monkeypatch, progress=Impatient())
    stored = load_study(folder / "s.whydiff")
    assert stored.meta["shards"] == 3 and len({k.member.block for k in stored.kept.values()}) == 3
    assert not (folder / "s.whydiff.parts").exists()


def test_parts_of_a_study_that_was_killed_are_not_overwritten(folder, monkeypatch):
    (folder / "s.whydiff.parts").mkdir()
    with pytest.raises(WhydiffError, match="holds the parts of a study") as refused:
        Cluster(folder).study(monkeypatch)
    assert "whydiff merge" in refused.value.way_out
    with pytest.raises(WhydiffError, match="trains all shards"):
        Cluster(folder).study(monkeypatch, shard="1/2")
    with pytest.raises(WhydiffError, match="an executor trains scripts"):
        whydiff.study(lambda: None, (1, 2), executor="processes:2")


@pytest.mark.parametrize(
    "texts",
    [
        ["initialization,noise"],
        ["arithmetic=one-ulp,data-content=bootstrap"],
        ["split,noise"],
        ["data-content=kfold=5"],
        ["learning-rate=1e-07,0.123456789", "shuffle=on,off", "batch-size=3", "optimizer=adam,sgd"],
        [],
    ],
)
def test_what_varies_is_written_as_it_is_read(texts):
    varied = parse_vary(texts)
    assert parse_vary(vary_words(varied)) == varied


@pytest.mark.long
def test_a_study_through_a_real_dask_cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # a Dask worker says 1
    monkeypatch.chdir(SCRIPT.parent)
    with local_cluster(2) as address:
        found = whydiff.study(
            SCRIPT, vary="initialization,data-order,noise", blocks=3,
            executor=f"dask://{address}", output=tmp_path / "a.whydiff",
        )  # fmt: skip
    assert found.trained == 25 and found.missing == () and found.failures == {}
    assert all(gate.passed for gate in found.gates) and len(found.processors) == 1
    stored = load_study(tmp_path / "a.whydiff")
    machines = [k.result.machine for k in stored.kept.values()]
    assert {m["threads"]["OMP_NUM_THREADS"] for m in machines} == {"2"}
    assert all(re.match(r"\d", m["version"]["keras"]) for m in machines)
    assert stored.meta["shards"] == 2 and [p.name for p in tmp_path.iterdir()] == ["a.whydiff"]
