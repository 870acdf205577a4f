"""Causes between two revisions: the changed line that says it, and the commit that changed it."""

import subprocess

import pytest

from whydiff.core.findings import SUSPECTED, Cause
from whydiff.experiments.explain.commits import Program, Revisions, located_in
from whydiff.runner.history import commit_named
from whydiff.script_text.dataflow import fed


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


LOADING = """import json
import numpy as np
from prep import scaled
config = json.load(open("config.json"))
x = scaled(np.loadtxt("x.csv"))[: config["rows"]]
model.fit(x, x, epochs=3)
"""
PREP = "def scaled(x):\n    return x / x.max()\n\n\ndef shown(x):\n    return str(x)\n"
CONFIG = '{\n "rows": 8,\n "rate": 0.1\n}\n'


@pytest.fixture
def loading(tmp_path):
    """A project whose data come through a helper, a setting and a file; each is changed."""
    git(tmp_path, "init", "-qb", "main")
    files = {"train.py": LOADING, "prep.py": PREP, "config.json": CONFIG, "x.csv": "1\n2\n"}
    changes = [
        ("Begin", "train.py", "", ""),
        ("Show more", "prep.py", "str(x)", "repr(x)"),
        ("Train longer", "train.py", "epochs=3", "epochs=4"),
        ("Slow down", "config.json", "0.1", "0.2"),
        ("Scale otherwise", "prep.py", "x.max()", "x.std()"),
        ("Take more", "config.json", "8", "9"),
        ("Correct", "x.csv", "2", "3"),
    ]
    for number, (subject, name, old, new) in enumerate(changes):
        files[name] = files[name].replace(old, new) if old else files[name]
        for path, text in files.items():
            (tmp_path / path).write_text(text)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", subject)
        git(tmp_path, "tag", f"c{number}")
    return tmp_path


def data_told(project, a, b, chance=False):
    programs = []
    for revision in (a, b):
        git(project, "checkout", "-q", revision)
        texts = {name: (project / name).read_text() for name in ("train.py", "prep.py")}
        read = {name: (project / name).read_text() for name in ("x.csv", "config.json")}
        programs.append(Program(fed(texts, "train.py", 6), read, chance))
    ids = [commit_named(project, revision).id for revision in (a, b)]
    (found,) = located_in(
        Revisions(project, *ids), [cause("data-content", "other samples")], tuple(programs)
    )
    return found.detail.removeprefix("other samples").strip()


def test_of_many_changes_that_of_what_feeds_the_data_is_named(loading):
    assert data_told(loading, "c0", "c4") == (
        "(prep.py:2: return x / x.max(); prep.py:2: return x / x.std(); "
        f"commit {short(loading, 'c4')} (Scale otherwise))"
    )


def test_a_setting_that_cuts_the_data_is_named_by_its_line(loading):
    assert data_told(loading, "c4", "c5") == (
        '(config.json:2: "rows": 8,; config.json:2: "rows": 9,; '
        f"commit {short(loading, 'c5')} (Take more))"
    )


def test_a_file_of_data_that_changed_is_named(loading):
    assert data_told(loading, "c5", "c6") == (
        f"(x.csv, which the script reads, changed; commit {short(loading, 'c6')} (Correct))"
    )


def test_several_changes_that_can_be_it_are_candidates(loading):
    assert data_told(loading, "c0", "c6") == (
        f"(it may come from: x.csv, which the script reads, changed; commit {short(loading, 'c6')} "
        f"(Correct); config.json:2 in commit {short(loading, 'c5')} (Take more); "
        f"prep.py:2 in commit {short(loading, 'c4')} (Scale otherwise))"
    )


def test_data_drawn_without_a_seed_are_blamed_on_no_change_alone(loading):
    assert "; chance, as the data are drawn without a seed)" in data_told(
        loading, "c0", "c4", chance=True
    )


def test_changes_that_feed_nothing_are_no_candidates(loading):
    assert data_told(loading, "c0", "c3") == ""


def test_of_changes_in_adjacent_lines_the_one_that_says_it_is_named(project):
    (project / "train.py").write_text("rate = 0.5\nepochs = 4\n")
    (detail,) = told(project, "c3", None, cause("optimizer", "learning_rate: 0.01 vs. 0.5"))
    assert detail.endswith("(train.py:1: rate = 0.01; train.py:1: rate = 0.5; not committed yet)")
