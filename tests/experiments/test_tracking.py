"""Answers as runs of a tracker: which runs there are, and what they hold. Plain data."""

import json

import pytest

from whydiff.core.plan import DRAW, OWN, SETTING, Member, StoredReplica
from whydiff.core.progress import Silent
from whydiff.core.replicas import Replica, Result
from whydiff.experiments.compare.pairing import Rule, until_settled
from whydiff.experiments.tracking import (
    JSON,
    PAGE,
    ComparisonRuns,
    StudyRuns,
    attach_answer,
    keep_explanation,
)
from whydiff.storage import CALIBRATION, StoredStudy, StudyWriter
from whydiff.testing import answers
from whydiff.trackers import Tracker, tracker_of

PARAMETERS = {"optimizer.class": "Adam", "optimizer.learning_rate": 0.01}


class Kept:
    """A store that keeps runs in a list; the run of number ``breaks`` cannot be written."""

    def __init__(self, breaks=None):
        self.runs, self.attached, self.breaks = [], [], breaks

    def write(self, run):
        if len(self.runs) == self.breaks:
            raise OSError("the disk is full\nat 7 of 9")
        self.runs.append(run)
        return f"id {len(self.runs)}"

    def attach(self, run, tags, files, metrics=None):
        self.attached.append((run, tags, files, metrics))


class Notes(Silent):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


PLAN = {"blocks": 2}


def study_runs(store, stored=None, progress=None):
    """A study in ``store``, from its beginning to its end where its file is given."""
    runs = StudyRuns(Tracker("kept:", store), progress or Silent())
    if stored is not None:
        runs.end(answers.study(), stored)
    return runs


def result(number, seeds=(), settings=(), failure=""):
    logs = () if failure else ({"loss": 2.0}, {"loss": 1.0})
    replica = Replica(number, dict(seeds), dict(settings))
    return Result(replica, "fused", logs, digest=f"{number:032}", failure=failure)


def stored(tmp_path):
    members = [
        Member(Replica(0), -1, OWN),
        Member(Replica(1, {"noise": 7}), 0, DRAW, frozenset({"noise"})),
        Member(Replica(2, {"noise": 8}, {"optimizer": "sgd"}), 0, SETTING),
        Member(Replica(3, {"noise": 9}), 0, DRAW),
    ]
    results = [result(0), result(1, {"noise": 7}), result(2, {"noise": 8}, {"optimizer": "sgd"}),
               result(3, {"noise": 9}, failure="out of memory")]  # fmt: skip
    kept = {m.number: StoredReplica(m, r) for m, r in zip(members, results, strict=True)}
    meta = {"fit": {"parameters": PARAMETERS}, "script": "dense.py"}
    return StoredStudy(tmp_path / "s.whydiff", meta, kept)


def test_a_study_is_a_run_for_itself_and_one_per_replica(tmp_path):
    store = Kept()
    study_runs(store, stored(tmp_path))
    answer, own, drawn, changed, failed = store.runs
    assert answer.name == "study dense.py" and not answer.files
    ((id, tags, files, numbers),) = store.attached
    assert id == "id 1" and set(files) == {PAGE, JSON} and tags["whydiff.verdict"]
    assert json.loads(files[JSON])["schema"] == 1 and b"<!DOCTYPE html>" in files[PAGE]
    assert [name.partition(".")[0] for name in numbers] == ["mean", "sd"]
    assert {run.group for run in store.runs} == {answer.group} and "dense" in answer.group
    assert {run.parent for run in store.runs[1:]} == {"id 1"}
    assert own.parameters == PARAMETERS
    assert drawn.parameters == {**PARAMETERS, "seed.noise": 7}
    assert drawn.tags["whydiff.redrawn"] == "noise"
    assert drawn.metrics == ({"loss": 2.0}, {"loss": 1.0})
    assert changed.parameters["set.optimizer"] == "sgd"
    assert failed.failure == "out of memory" and failed.metrics == ()


def test_a_replica_is_written_as_soon_as_it_is_trained(tmp_path):
    store, file = Kept(), stored(tmp_path)
    runs = study_runs(store)
    runs.begin(file.meta, PLAN)
    (begun,) = store.runs
    assert begun.parameters == {"plan.blocks": 2} and not store.attached
    runs.add([file.kept[0], file.kept[1]])
    assert [run.name for run in store.runs] == ["study dense.py", "replica 0", "replica 1"]
    runs.end(answers.study(), file)
    assert [run.name for run in store.runs[3:]] == ["replica 2", "replica 3"]


def test_the_writer_of_a_study_hands_on_what_is_in_its_file(tmp_path):
    file, seen = stored(tmp_path), []
    with StudyWriter.begin(file.path, {}) as writer:
        writer.added = seen.extend
        writer.add([file.kept[1]])
        writer.add([file.kept[2]], CALIBRATION)
    assert [one.member.number for one in seen] == [1]


def test_two_studies_of_one_script_are_two_groups(tmp_path):
    store = Kept()
    for _ in range(2):
        study_runs(store, stored(tmp_path))
    assert len({run.group for run in store.runs}) == 2


def comparison_runs(store, progress=None):
    shared = ({"batch-size.batch_size": 32}, {"batch-size.batch_size": 64})
    asked = {"metric": "loss", "margin": 0.0}
    tracker = store if isinstance(store, Tracker) else Tracker("kept:", store)
    return ComparisonRuns(tracker, progress or Silent(), "train.py as written", asked, shared)


def test_a_comparison_is_two_runs_per_pair():
    store = Kept()
    runs = comparison_runs(store)
    assert not store.runs  # a comparison that cannot begin leaves nothing behind
    for number in range(2):
        runs.add(number, (result(number, {"noise": number}), result(number, {"noise": number})))
    assert not store.attached
    runs.end(answers.comparison())
    answer, *pairs = store.runs
    assert answer.name.startswith("compare ") and answer.parameters["metric"] == "loss"
    assert [run.name for run in pairs] == ["pair 0 A", "pair 0 B", "pair 1 A", "pair 1 B"]
    assert [run.parameters["batch-size.batch_size"] for run in pairs] == [32, 64, 32, 64]
    assert pairs[0].parameters["seed.noise"] == pairs[1].parameters["seed.noise"]
    assert {(run.parent, run.group) for run in pairs} == {("id 1", answer.group)}
    ((id, tags, files, numbers),) = store.attached
    assert id == "id 1" and set(files) == {PAGE, JSON} and tags["whydiff.verdict"]
    assert [name.partition(".")[0] for name in numbers] == ["effect"]


def test_a_tracker_that_fails_ends_no_comparison():
    progress, store = Notes(), Kept(2)
    runs = comparison_runs(store, progress)
    for number in range(2):
        runs.add(number, (result(number), result(number)))
    runs.end(answers.comparison())
    (note,) = progress.notes
    assert "the disk is full" in note
    assert len(store.runs) == 2 and not store.attached


@pytest.mark.long
def test_a_pair_is_in_the_real_store_before_the_next_one_is_trained(tmp_path):
    from mlflow.tracking import MlflowClient

    address = f"sqlite:///{tmp_path}/runs.db"
    runs, seen = comparison_runs(tracker_of(f"mlflow:{address}")), []

    def stored():
        client = MlflowClient(address)
        kept = client.search_runs([e.experiment_id for e in client.search_experiments()])
        return sorted(run.info.run_name for run in kept if run.info.run_name.startswith("pair"))

    def train(wanted):
        seen.append(stored())
        return [(result(n), result(n)) for n in wanted]

    until_settled(train, Rule("loss", False, most=2), chunk=1, each=runs.add)
    assert seen == [[], ["pair 0 A", "pair 0 B"]]
    assert stored() == ["pair 0 A", "pair 0 B", "pair 1 A", "pair 1 B"]


def test_an_explanation_is_attached_to_a_run_of_a_and_one_of_b():
    store = Kept()
    explanation = answers.explanation()
    keep_explanation(Tracker("kept:", store), explanation, Silent())
    a, b = store.runs
    assert (a.name, b.name, a.group) == ("A", "B", b.group)
    assert set(a.files) == set(b.files) == {PAGE, JSON}
    assert a.metrics[0] == explanation.evidence["epochs"]["a"][0]["logs"]
    rows = {f"{row['source']}.{row['name']}": row for row in explanation.evidence["settings"]}
    assert a.parameters and all(rows[name]["a"] == value for name, value in a.parameters.items())


def test_an_answer_is_attached_to_runs_that_are_there():
    store = Kept()
    attach_answer(Tracker("kept:", store), ["x", "y"], answers.explanation(), Silent())
    assert [run for run, *_ in store.attached] == ["x", "y"]
    assert all(tags["whydiff.verdict"] and set(files) == {PAGE, JSON}
               for _, tags, files, _ in store.attached)  # fmt: skip


def test_a_tracker_that_fails_costs_nobody_the_answer(tmp_path):
    progress, store = Notes(), Kept(2)
    study_runs(store, stored(tmp_path), progress)
    (note,) = progress.notes  # said once, and then the tracker is left alone
    assert note.startswith("not everything is in the tracker: kept:: the disk is full. ")
    assert len(store.runs) == 2 and not store.attached
