"""Where answers go: Markdown, a job on GitHub, SARIF, each by the same options of every verb."""

import json
import re

import click
import pytest
from click.testing import CliRunner

from whydiff.cli import main
from whydiff.cli.group import VERBS
from whydiff.storage import Writer

#: verbs that answer: every one writes its answer everywhere
OTHERS = {"lock", "record", "report", "help", "completion"}
ANSWERING = set(VERBS) - OTHERS
EVERYWHERE = {"--json", "--html", "--markdown", "--github", "--force", "--verbose"}


def run(*words, **environment):
    return CliRunner().invoke(main, [str(word) for word in words], env=environment)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Writer(tmp_path / "a.whydiff", "train.py", []).close(0)
    (tmp_path / "train.py").write_text(
        "import keras\nm = keras.Sequential([keras.layers.Dense(1)])\nm.compile()\nm.fit(1)\n"
    )
    return tmp_path


@pytest.mark.parametrize("verb", sorted(ANSWERING))
def test_every_answering_verb_writes_its_answer_everywhere(verb):
    command = main.get_command(click.Context(main), verb)
    assert {option for p in command.params for option in p.opts} >= EVERYWHERE


@pytest.mark.parametrize("words", [("show", "a.whydiff"), ("check", "train.py")])
def test_markdown_goes_to_a_file_or_to_stdout_alone(folder, words):
    printed = run(*words).stdout
    done = run(*words, "--markdown", "answer.md")
    assert done.stdout == printed
    made = (folder / "answer.md").read_text()
    assert made.startswith("<!-- whydiff -->\n### ")
    assert run(*words, "--markdown", "-").stdout == made
    assert run(*words, "--markdown", "answer.md").exit_code == done.exit_code  # ours: replaced


def test_other_files_are_not_replaced(folder):
    (folder / "README.md").write_text("# Mine\n")
    done = run("show", "a.whydiff", "--markdown", "README.md")
    assert done.exit_code == 2 and "is no Markdown of whydiff" in done.stderr
    assert (folder / "README.md").read_text() == "# Mine\n"
    done = run("check", "train.py", "--sarif", "train.py")
    assert done.exit_code == 2 and "is no SARIF of whydiff" in done.stderr


@pytest.mark.parametrize(
    "options", [("--json", "-", "--markdown", "-"), ("--json", "a.out", "--markdown", "./a.out")]
)
def test_one_place_holds_one_answer(folder, options):
    assert run("show", "a.whydiff", *options).exit_code == 2
    assert not (folder / "a.out").exists()


def test_in_a_job_lines_are_annotated_and_the_summary_is_written(folder):
    summary = folder / "summary.md"
    job = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(folder)}
    done = run("check", "train.py", "--github", **job)
    assert done.exit_code == 1
    opened, *text, closed, command = done.stdout.splitlines()
    token = opened.removeprefix("::stop-commands::")
    assert closed == f"::{token}::" and not any(line.startswith("::") for line in text)
    assert re.match(r"::warning file=train\.py,title=WD\d+ [\w-]+,line=\d+,col=\d+::", command)
    assert summary.read_text().startswith("<!-- whydiff -->\n### ≠ 1 finding")


def test_outside_a_job_github_writes_no_summary(folder):
    done = run("show", "a.whydiff", "--github", GITHUB_STEP_SUMMARY=None)
    assert done.exit_code == 0
    assert sorted(p.name for p in folder.iterdir()) == ["a.whydiff", "train.py"]


def test_sarif_is_written_and_replaced(folder):
    for _ in range(2):
        assert run("check", "train.py", "--sarif", "out.sarif").exit_code == 1
    assert json.loads((folder / "out.sarif").read_text())["version"] == "2.1.0"


def test_report_makes_markdown_of_an_answer(folder):
    done = run("report", "a.whydiff", "--markdown", "a.md")
    assert done.exit_code == 0 and not (folder / "a.html").exists()
    assert (folder / "a.md").read_text() == run("show", "a.whydiff", "--markdown", "-").stdout
