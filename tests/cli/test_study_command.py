"""``whydiff study`` and ``show`` as typed: refused before anything runs, read without Keras."""

import json

import pytest
from click.testing import CliRunner

from whydiff.cli.group import main
from whydiff.cli.study import default_file
from whydiff.storage import TARGETS, StudyWriter
from whydiff.testing.studies import made


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A script that says if it was run."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "train.py"
    path.write_text("raise SystemExit('it was run')\n")
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--vary", "initialisation"], "did you mean initialization?"),
        (["--vary", "data-content"], "data-content=bootstrap"),
        (["--blocks", "-1"], "-1"),
        (["--engine", "fast"], "fast"),
        (["--fit", "0"], "0"),
        (["--time-limit", "soon"], "soon"),
        (["--resume"], "train.study.whydiff does not exist"),
        (["--output", "train.py"], "train.py exists"),
        (["--output", "nowhere/a.whydiff"], "nowhere"),
    ],
)
def test_refused_before_anything_runs(script, arguments, said):
    done = run("study", script, *arguments)
    assert done.exit_code == 2, done.output
    assert said in done.output and "it was run" not in done.output
    assert script.read_text().startswith("raise")


def test_each_study_gets_a_file_of_its_own_and_resume_takes_the_last(script):
    assert default_file(script, False).name == "train.study.whydiff"
    for name in ("train.study.whydiff", "train.study-2.whydiff"):
        script.with_name(name).touch()
    assert default_file(script, False).name == "train.study-3.whydiff"
    assert default_file(script, True).name == "train.study-2.whydiff"


@pytest.fixture
def stored(tmp_path):
    """A study file with a planted answer."""
    study = made({"initialization": 1.0, "noise": 0.2}, blocks=6)
    path = tmp_path / "a.whydiff"
    with StudyWriter.begin(path, study.meta) as writer:
        writer.add(study.kept.values(), distances=study.distances)
        writer.keep(TARGETS, {"target:0": study.targets[0]})
    return path


def test_show_reads_a_study(stored):
    done = run("show", stored)
    assert done.exit_code == 0, done.output
    assert "accuracy varies from" in done.output and "over 12 runs" in done.output
    assert "Saved by fixing it" in run("show", stored, "--verbose").output
    other = run("show", stored, "--metric", "loss")
    assert "loss varies from" in other.output
    wrong = run("show", stored, "--metric", "auc")
    assert wrong.exit_code == 2 and "Logged: loss, accuracy" in wrong.output


def test_show_reads_a_study_as_json(stored):
    done = run("show", stored, "--json")
    answer = json.loads(done.output)
    assert answer["schema"] == 1 and len(answer["replicas"]) == 26
    assert answer["outcome"]["mean"]["n"] == 12
