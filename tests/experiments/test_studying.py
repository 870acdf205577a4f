"""Distances of weights, and what is asked for at once."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from whydiff.core.plan import draw_plan
from whydiff.core.progress import Silent
from whydiff.core.replicas import Packing, Result
from whydiff.core.shards import Shard
from whydiff.experiments.study import training
from whydiff.experiments.study.training import Part, Studying, _chunks, weight_distances
from whydiff.storage import StudyWriter, load_study


def test_weights_pair_by_path_whatever_their_order():
    base = {"b": np.array([3.0, 0.0]), "a": np.array([[4.0]])}
    moved = {"a": np.array([[4.0]]), "b": np.array([3.0, 5.0])}
    assert weight_distances(1, {1: base, 4: moved}) == {(1, 4): pytest.approx(1.0)}
    assert weight_distances(4, {4: base, 1: dict(reversed(base.items()))}) == {(1, 4): 0.0}


def test_weights_that_are_missing_or_no_numbers_have_no_distance():
    base = {"a": np.ones(2)}
    lost = weight_distances(1, {1: base, 2: None, 3: {"a": np.array([1.0, np.nan])}})
    assert set(lost) == {(1, 2), (1, 3), (2, 3)} and all(math.isnan(v) for v in lost.values())
    assert math.isnan(weight_distances(1, {1: None, 2: base})[1, 2])


def test_chunks_are_whole_blocks_where_they_fit():
    members = draw_plan(("noise",), ("noise",), {}, 5).members[1:]  # three a block
    assert [len(c) for c in _chunks(members, 7)] == [6, 6, 3]
    assert [len(c) for c in _chunks(members, 1)] == [1] * 15
    assert [m.number for c in _chunks(members, 2) for m in c] == [m.number for m in members]
    assert max(len(c) for c in _chunks(members, 2)) == 2


class Trainer:
    """Ends every replica with weights made from its seeds, on a machine of the given name."""

    def __init__(self, cpu="X", at_once=100):
        self.notes, self.pace, self.asked, self._at_once = [], 0.0, [], at_once
        self.machine = {"hardware": {"cpu": cpu, "devices": []}}

    def at_once(self, engine, keep_weights=True):
        return self._at_once

    def train(self, replicas, engine="solo", keep_weights=False, packing=None):
        self.asked.append(([r.number for r in replicas], packing))
        return [
            Result(
                r, engine, ({"loss": 0.5},), weights={"w": np.array([*r.seeds.values(), 1.0])},
                digest=f"{r.seeds}", machine=self.machine,
            )
            for r in replicas
            if packing is None or r.number in packing.wanted
        ]  # fmt: skip


PLAN = draw_plan(("noise",), ("noise",), {}, 4)  # a base, one redrawn and a replicate in a block


def trained(path, trainer, part, members=None, engine="solo", until=None):
    begin = StudyWriter.resume if path.exists() else lambda p: StudyWriter.begin(p, {})
    with begin(path) as writer:
        work = Studying(trainer, writer, part, None, Silent(), until)
        work.train(part.members if members is None else members, engine, "training")
    return load_study(path)


def test_a_part_trains_the_blocks_of_its_shard(tmp_path):
    path = tmp_path / "a.whydiff"
    stored = trained(path, Trainer(), Part(PLAN, Shard(2, 2)))
    assert {k.member.block for k in stored.kept.values()} == {1, 3}
    stored = trained(path, Trainer(), Part(PLAN))
    assert list(stored.kept) == [1, 2, 3, 4, 5, 7, 8, 10, 11]  # one replicate is enough
    assert len(stored.distances) == 4


def test_once_the_time_is_over_no_replica_is_begun_and_the_study_can_go_on(tmp_path, monkeypatch):
    path, trainer = tmp_path / "a.whydiff", Trainer(at_once=3)
    clock = SimpleNamespace(monotonic=lambda: float(len(trainer.asked)))
    monkeypatch.setattr(training, "time", clock)
    stored = trained(path, trainer, Part(PLAN), until=2.0)
    assert list(stored.kept) == [1, 2, 3, 4, 5]
    assert trainer.notes == [
        "4 replicas were not trained, as the time of --budget was over; --resume trains them."
    ]
    assert list(trained(path, trainer, Part(PLAN)).kept) == [1, 2, 3, 4, 5, 7, 8, 10, 11]


def test_packs_are_trained_whole_and_only_what_is_missing_is_kept(tmp_path):
    path, part = tmp_path / "a.whydiff", Part(PLAN, None, 2)
    first = Trainer()
    trained(path, first, part, [PLAN.members[2], PLAN.members[7]], "fused")
    assert first.asked == [([1, 2, 4, 5, 7, 8, 10, 11], Packing(2, (2, 7)))]
    assert list(load_study(path).kept) == [2, 7]


def test_a_block_that_another_processor_began_is_trained_anew(tmp_path):
    path, part = tmp_path / "a.whydiff", Part(PLAN)
    trained(path, Trainer("X"), part, PLAN.members[1:5])  # block 0, and the base of block 1
    other = Trainer("Y")
    stored = trained(path, other, part)
    cpu = {n: k.result.machine["hardware"]["cpu"] for n, k in stored.kept.items()}
    assert {cpu[n] for n in (1, 2, 3)} == {"X"}
    assert {cpu[n] for n in cpu if n > 3} == {"Y"} and 4 in cpu
    assert other.notes == [
        "1 replica was trained again: another type of processor had begun the block, and a "
        "block does not mix types."
    ]
    unknown = Trainer("")
    trained(tmp_path / "b.whydiff", unknown, part, PLAN.members[1:2])
    trained(tmp_path / "b.whydiff", Trainer("Y"), part)
    assert not unknown.notes
