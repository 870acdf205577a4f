"""Causes between two revisions: the changed line that says it, and the commit that changed it."""

import subprocess

import pytest

from whydiff.core.findings import SUSPECTED, Cause
from whydiff.experiments.explain.commits import Revisions, located_in
from whydiff.runner.history import commit_named


def git(folder, *arguments):
    settings = ["-c", "user.name=n", "-c", "user.email=e@x"]
    subprocess.run(["git", *settings, *arguments], cwd=folder, capture_output=True, check=True)


def cause(source, detail, mechanism=""):
    return Cause(source, detail, SUSPECTED, "", "", mechanism=mechanism)


@pytest.fixture
def project(tmp_path):
    git(tmp_path, "init", "-qb", "main")
    first = {"train.py": "rate = 0.001\nepochs = 3\n", "split.py": "fold = 1\nsize = 8\nlog = 1\n"}
    steps = [
        ("Begin", first),
        ("Train faster", {"train.py": "rate = 0.01\nepochs = 3\n"}),
        ("Split otherwise", {"split.py": "fold = 2\nsize = 8\nlog = 1\n"}),
        ("Log nothing", {"split.py": "fold = 2\nsize = 8\n"}),
    ]
    for number, (subject, files) in enumerate(steps):
        for name, text in files.items():
            (tmp_path / name).write_text(text)
            git(tmp_path, "add", name)
        git(tmp_path, "commit", "-qm", subject)
        git(tmp_path, "tag", f"c{number}")
    return tmp_path


def told(project, a, b, *causes):
    ids = [revision and commit_named(project, revision).id for revision in (a, b)]
    return [c.detail for c in located_in(Revisions(project, *ids), causes)]


def short(project, revision):
    return commit_named(project, revision).short


def test_the_line_and_its_commit_are_named(project):
    rate = cause("optimizer", "learning_rate: 0.001 vs. 0.01")
    expected = (
        f"learning_rate: 0.001 vs. 0.01 (train.py:1: rate = 0.001; train.py:1: rate = 0.01; "
        f"commit {short(project, 'c1')} (Train faster))"
    )
    assert told(project, "c0", "c3", rate) == [expected]
    assert told(project, "c0", None, rate) == [expected]


def test_the_newer_side_may_be_a(project):
    rate = cause("optimizer", "learning_rate: 0.01 vs. 0.001")
    for newer in ("c3", None):
        (detail,) = told(project, newer, "c0", rate)
        assert detail.endswith(
            f"(train.py:1: rate = 0.01; train.py:1: rate = 0.001; "
            f"commit {short(project, 'c1')} (Train faster))"
        )


def test_a_change_that_is_not_committed_is_called_so(project):
    (project / "train.py").write_text("rate = 0.5\nepochs = 3\n")
    (detail,) = told(project, "c3", None, cause("optimizer", "learning_rate: 0.01 vs. 0.5"))
    assert detail.endswith("train.py:1: rate = 0.5; not committed yet)")


def test_the_only_change_explains_what_names_no_value(project):
    split = cause("data-content", "8 of 8 samples only in A")
    assert told(project, "c1", "c2", split) == [
        f"8 of 8 samples only in A (split.py:1: fold = 1; split.py:1: fold = 2; "
        f"commit {short(project, 'c2')} (Split otherwise))"
    ]


def test_a_line_that_went_is_told_with_the_commit_that_removed_it(project):
    log = cause("measurement", "A logs more")
    assert told(project, "c2", "c3", log) == [
        f"A logs more (split.py:3: log = 1; commit {short(project, 'c3')} (Log nothing))"
    ]


@pytest.mark.parametrize(
    "left_alone",
    [
        cause("data-content", "8 of 8 samples only in A"),  # two changes, neither says it
        cause("initialization", "all 4 weight tensors differ"),  # chance needs no change
    ],
)
def test_nothing_is_said_where_no_line_says_it(project, left_alone):
    assert told(project, "c0", "c3", left_alone) == [left_alone.detail]


def test_chance_is_not_blamed_on_the_only_change(project):
    by_chance = cause("data-content", "other samples", "unseeded-split")
    assert told(project, "c0", "c1", by_chance) == ["other samples"]


def test_what_differs_beside_the_only_change_is_not_blamed_on_it(project):
    rate = cause("optimizer", "learning_rate: 0.001 vs. 0.01")
    backend = cause("backend", "backend: jax vs. torch")
    changed, from_outside = told(project, "c0", "c1", rate, backend)
    assert "Train faster" in changed and from_outside == backend.detail
