"""Parts of a study put together: nothing lost, nothing counted twice, nothing foreign."""

from dataclasses import replace

import pytest

import whydiff
from whydiff.core.errors import WhydiffError
from whydiff.core.shards import Shard
from whydiff.experiments.study import merging
from whydiff.experiments.study.answer import answer, read
from whydiff.experiments.study.merging import extract_part, merge_parts
from whydiff.storage import load_study
from whydiff.testing.studies import made, rows_of, write

TWO = {"initialization": 1.0, "noise": 0.2}
X = {"hardware": {"cpu": "X"}, "version": {"jax": "1"}, "threads": {}}


def on(machine, kept, **fields):
    return replace(kept, result=replace(kept.result, machine=machine, **fields))


@pytest.fixture
def whole(tmp_path):
    study = made(TWO, blocks=7, together=2, text="abc")
    study = replace(study, calibration={n: study.kept[n] for n in (1, 4)})
    kept = {n: on(X, k) for n, k in study.kept.items()}
    return write(replace(study, kept=kept), tmp_path / "whole.whydiff")


def split(whole, count, folder):
    paths = [folder / f"part{number}.whydiff" for number in range(1, count + 1)]
    for number, path in enumerate(paths, 1):
        extract_part(load_study(whole), Shard(number, count), path)
    return paths


@pytest.mark.parametrize("count", [1, 3, 6])
def test_parts_make_the_whole_row_by_row_in_any_order(whole, tmp_path, count):
    parts = split(whole, count, tmp_path)
    found = whydiff.merge(reversed(parts), tmp_path / "merged.whydiff")
    assert rows_of(tmp_path / "merged.whydiff") == rows_of(whole)
    assert found.missing == () and found.shard == "" and found.notes == ()
    assert found.processors == {"X": found.trained}
    assert replace(found, path="", seconds=0.0) == replace(read(whole), path="", seconds=0.0)


def test_a_part_says_which_it_is_and_counts_only_its_own(whole, tmp_path):
    part = read(split(whole, 3, tmp_path)[1])  # blocks 2 and 3
    assert part.shard == "2/3" and part.planned == part.trained == 8 and part.missing == ()
    assert part.notes[0].startswith("This is shard 2/3 of the study.")


def test_a_missing_part_is_named_and_may_follow(whole, tmp_path):
    one, two, three = split(whole, 3, tmp_path)
    found = whydiff.merge([one, three], tmp_path / "some.whydiff")
    assert found.missing == (2, 3) and found.trained == read(whole).trained - 8
    assert found.notes[0].startswith("8 replicas of 2 blocks are missing: shard 2/3. ")
    assert "--resume --output" in found.notes[0]
    assert found.outcome.mean.n == 10  # of seven blocks five are there
    later = whydiff.merge([tmp_path / "some.whydiff", two], tmp_path / "all.whydiff")
    assert later.missing == () and rows_of(tmp_path / "all.whydiff") == rows_of(whole)


def test_a_replica_in_two_parts_is_refused(whole, tmp_path):
    one, two, _ = split(whole, 3, tmp_path)
    with pytest.raises(WhydiffError, match=r"replica 1 \(block 0\) is in .*counted twice"):
        whydiff.merge([one, two, whole_again(whole, tmp_path)], tmp_path / "m.whydiff")
    with pytest.raises(WhydiffError, match="named twice"):
        whydiff.merge([one, one], tmp_path / "m.whydiff")
    assert not (tmp_path / "m.whydiff").exists()
    with pytest.raises(WhydiffError, match=r"part1.whydiff exists"):
        whydiff.merge([two], one)


def whole_again(whole, folder):
    path = folder / "again.whydiff"
    study = load_study(whole)
    return write(replace(study, meta={**study.meta, "shards": 3}), path)


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ({"text": "another"}, "the script's text"),
        ({"metric": "loss"}, "the metric"),
        ({"engine": "fused"}, "the engine"),
        ({"together": 3}, "blocks trained together"),
        ({"shard": [2, 4]}, "the number of shards"),
        ({"fit": {"identity": {"data-content": "2"}}}, "data-content"),
        ({"fit": {"backend": "torch"}}, "the backend of the fit"),
        ({"plan": {"seed": 5}}, "the plan's seed"),
        ({"arguments": ["--lr", "1"]}, "the script's arguments"),
    ],
)
def test_a_part_of_another_study_is_refused(whole, tmp_path, meta, said):
    study = load_study(whole)
    fit = {**study.meta["fit"], "identity": {"data-content": "1"}}
    base = replace(study, meta={**study.meta, "fit": fit})
    whole = write(base, tmp_path / "base.whydiff")
    one, two, _ = split(whole, 3, tmp_path)
    part = load_study(two)
    nested = {k: {**part.meta[k], **v} if isinstance(v, dict) else v for k, v in meta.items()}
    other = write(replace(part, meta={**part.meta, **nested}), tmp_path / "other.whydiff")
    with pytest.raises(WhydiffError, match=said) as refused:
        whydiff.merge([one, other], tmp_path / "m.whydiff")
    assert "other.whydiff is no part of the study in" in str(refused.value)


def with_machine(path, folder, machine, digest=None):
    study = load_study(path)
    kept = {n: on(machine, k) for n, k in study.kept.items()}
    if digest:
        kept[0] = on(machine, kept[0], digest=digest, logs=({"accuracy": 0.5, "loss": 0.5},))
    return write(replace(study, kept=kept), folder / f"other-{path.name}")


def own_start(whole, folder, start):
    study = load_study(whole)
    fit = {**study.meta["fit"], "own": start}
    return write(replace(study, meta={**study.meta, "fit": fit}), folder / f"{start}.whydiff")


def test_two_types_of_processor_are_a_measured_effect_of_arithmetic(whole, tmp_path):
    one, two, three = split(own_start(whole, tmp_path, "start"), 3, tmp_path)
    y = {**X, "hardware": {"cpu": "Y", "devices": ["gpu B", "gpu B"]}}
    other = with_machine(two, tmp_path, y, digest="00ff")
    found = whydiff.merge([one, other, three], tmp_path / "m.whydiff")
    assert found.processors == {"X": 21, "Y, gpu B": 8}
    told = " ".join(found.notes)
    assert "Trained on 2 types of processor: X (21 replicas) and Y, gpu B (8 replicas)" in told
    assert "ends in other weights on X and Y, gpu B (accuracy " in told and "measured" in told
    assert "numbers of threads" not in told and "versions" not in told
    same = whydiff.merge(
        [one, with_machine(two, tmp_path / "..", y), three], tmp_path / "same.whydiff"
    )
    assert any("the same weights, bit for bit, on X and Y, gpu B" in n for n in same.notes)


def test_own_trainings_that_start_otherwise_measure_nothing(whole, tmp_path):
    one, _, three = split(own_start(whole, tmp_path, "start"), 3, tmp_path)
    (tmp_path / "unseeded").mkdir()
    two = split(own_start(whole, tmp_path, "another"), 3, tmp_path / "unseeded")[1]
    other = with_machine(two, tmp_path, {**X, "hardware": {"cpu": "Y"}}, digest="00ff")
    found = whydiff.merge([one, other, three], tmp_path / "m.whydiff")
    assert any("was not measured" in note for note in found.notes)
    assert not any("effect of arithmetic" in note for note in found.notes)


def test_threads_and_versions_that_differ_are_told(whole, tmp_path):
    one, two, three = split(whole, 3, tmp_path)
    other = with_machine(
        two, tmp_path, {**X, "threads": {"OMP_NUM_THREADS": "4"}, "version": {"jax": "2"}}
    )
    notes = whydiff.merge([one, other, three], tmp_path / "m.whydiff").notes
    assert notes == (
        "Replicas were trained with different numbers of threads: not set (21 replicas); "
        "OMP_NUM_THREADS=4 (8 replicas).",
        "Replicas were trained with different versions: jax 1 (21 replicas); jax 2 (8 replicas).",
    )


def test_a_gate_that_failed_in_one_part_fails_in_the_whole(whole, tmp_path):
    one, two, three = split(whole, 3, tmp_path)
    study = load_study(two)
    gates = {**study.meta["gates"], "own": [False, "other weights"]}
    bad = write(replace(study, meta={**study.meta, "gates": gates}), tmp_path / "bad.whydiff")
    found = whydiff.merge([one, bad, three], tmp_path / "m.whydiff")
    assert (found.gates[0].passed, found.gates[0].evidence) == (
        False, "bad.whydiff: other weights",
    )  # fmt: skip


def test_a_damaged_shard_is_refused(whole, tmp_path):
    study = load_study(whole)
    for held in ([0, 3], [4, 3], "2/3", [1, 2, 3], [1.0, 2]):
        with pytest.raises(WhydiffError, match="is no shard"):
            answer(replace(study, meta={**study.meta, "shard": held}))
    with pytest.raises(WhydiffError, match="nothing to merge"):
        merge_parts([], tmp_path / "m.whydiff")
    damaged = write(replace(study, meta={**study.meta, "fit": {"identity": []}}), tmp_path / "d")
    with pytest.raises(WhydiffError, match="damaged"):
        merge_parts([whole, damaged], tmp_path / "m.whydiff")


def test_parts_that_cannot_be_read_to_their_end_leave_nothing_half(whole, tmp_path, monkeypatch):
    parts = split(whole, 2, tmp_path)
    before = set(tmp_path.iterdir())

    def fails(path):
        raise WhydiffError(f"{path} is damaged", "")

    monkeypatch.setattr(merging, "kept_weights", fails)
    with pytest.raises(WhydiffError, match="damaged"):
        merge_parts(parts, tmp_path / "m.whydiff")
    assert set(tmp_path.iterdir()) == before
