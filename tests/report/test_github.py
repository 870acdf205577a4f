"""What a job on GitHub shows: annotations at lines, and a step summary."""

import io
import re
from dataclasses import replace

from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause
from whydiff.core.problem import Checked, Problem
from whydiff.report.document import SAME, Document, Place
from whydiff.report.documents import document_of
from whydiff.report.github import MOST, Quoted, from_checkout, workflow_commands, write_summary
from whydiff.report.markdown import SUMMARY
from whydiff.testing import answers

COMMAND = re.compile(r"::(error|warning|notice) ((?:\w+=[^,:\n]*,?)*)::([^\n]*)")


def commands(answer, environment=()):
    return list(workflow_commands(document_of(answer), dict(environment)))


def explained(*causes):
    return answers.explanation(causes=causes)


def test_a_cause_is_annotated_where_it_names_a_line_and_else_at_the_call():
    (named, unnamed) = commands(
        explained(
            Cause("noise", "another seed", CONFIRMED, "e", "Seed it.", where="my net/dense.py:14"),
            Cause("data-order", "B shuffles", SUSPECTED, "other order", ""),
        )
    )
    assert named == (
        "::error file=my net/dense.py,title=The noise inside the model (dropout and the like) "
        "(noise%2C confirmed),line=14::another seed%0ASeed it."
    )
    assert unnamed.startswith("::warning file=dense.py,") and ",line=28::" in unnamed


def test_what_a_script_sets_on_purpose_is_a_notice():
    (made,) = commands(explained(Cause("optimizer", "sgd", CONFIRMED, "e", "", intended=True)))
    assert made.startswith("::notice ")


def test_findings_of_a_check_are_warnings_at_line_and_column():
    found = Problem("train.py", 7, 3, "WD101", "no-seed", "No seed is set.", "Set one.")
    cell = replace(found, file="a.ipynb", cell=2)
    made, in_cell = commands(Checked(2, (found, cell)))
    assert made == (
        "::warning file=train.py,title=WD101 no-seed,line=7,col=3::No seed is set. Set one."
    )
    assert "line=" not in in_cell and "a.ipynb:cell 2:7" in in_cell


def test_names_end_no_command_and_begin_none():
    evil = "a,b:c\r\n::add-mask::secret %0A"
    places = (Place("error", evil, 1, evil, evil),)
    (made,) = workflow_commands(Document("", "v", SAME, (), places=places), {})
    assert "\n" not in made and "\r" not in made
    level, properties, message = COMMAND.fullmatch(made).groups()
    assert level == "error" and len(properties.split(",")) == 3
    assert "%250A" in message


def test_no_more_than_github_shows():
    places = (Place("error", "a.py", 1, "t", "m"),) * 50 + (Place("notice", "a.py", 1, "t", "m"),)
    made = list(workflow_commands(Document("", "v", SAME, (), places=places), {}))
    assert len(made) == MOST + 1


def test_files_are_named_from_the_checkout(tmp_path, monkeypatch):
    (tmp_path / "repo" / "examples").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repo" / "examples")
    job = {"GITHUB_WORKSPACE": str(tmp_path / "repo")}
    assert from_checkout("train.py", job) == "examples/train.py"
    assert from_checkout(str(tmp_path / "repo" / "a.py"), job) == "a.py"
    assert from_checkout("train.py", {}) == "train.py"


def test_text_between_quotes_cannot_command():
    stream = io.StringIO()
    with Quoted(stream):
        stream.write("::set-env name=PATH::evil\n")
    first, _, last = stream.getvalue().splitlines()
    token = first.removeprefix("::stop-commands::")
    assert len(token) == 32 and last == f"::{token}::"


def test_the_step_summary_is_added_to_and_kept_within_its_limit(tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_text("# Before\n")
    job = {"GITHUB_STEP_SUMMARY": str(summary)}
    document = document_of(answers.explanation())
    assert write_summary(document, job)
    assert summary.read_text().startswith("# Before\n<!-- whydiff -->")
    summary.write_bytes(b"x" * (SUMMARY - 100))
    assert write_summary(document, job)
    assert summary.stat().st_size <= SUMMARY
    assert not write_summary(document, {})
