"""The published JSON Schemas: up to date, strict about names, and every answer validates."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator, ValidationError

import whydiff
import whydiff.api.verify
from whydiff.cli import main
from whydiff.core.visible import plain
from whydiff.report import execution_dict
from whydiff.report.documents import DOCUMENTS
from whydiff.report.schemas import KINDS, VERSION, schema
from whydiff.testing import answers
from whydiff.testing.schemas import WRITTEN, validate, validating, validator

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "storage" / "golden"


ANSWERS = {
    "bisection": lambda: answers.bisection(math.nan).to_dict(),
    "check": lambda: answers.checked().to_dict(),
    "comparison": lambda: answers.comparison().to_dict(),
    "diff": lambda: answers.diff().to_dict(),
    "explanation": lambda: answers.explanation().to_dict(),
    "matrix": lambda: answers.matrix().to_dict(),
    "recording": lambda: execution_dict(answers.execution()),
    "runs": lambda: answers.runs().to_dict(),
    "study": lambda: answers.study().to_dict(),
    "verification": lambda: answers.verification().to_dict(),
}


def test_the_files_are_those_of_the_types():
    done = subprocess.run([sys.executable, ROOT / "docs" / "make_schemas.py", "--check"])
    assert done.returncode == 0, "docs/make_schemas.py writes them anew"


def test_every_kind_has_a_schema_that_is_one():
    assert set(ANSWERS) == set(KINDS)
    assert len(KINDS) == len(DOCUMENTS)  # whatever is laid out is written as JSON, too
    for kind in KINDS:
        Draft202012Validator.check_schema(schema(kind))
        assert schema(kind)["$id"].endswith(f"/{kind}-{VERSION}.json")


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_validates_and_later_additions_do(kind):
    value = plain(ANSWERS[kind]())
    validator(kind).validate(value)
    validator(kind).validate({**value, "a later addition": [1]})


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_is_gone_or_another_type_is_seen(kind):
    value = plain(ANSWERS[kind]())
    for name in schema(kind)["required"]:
        less = {k: v for k, v in value.items() if k != name}
        assert not validator(kind).is_valid(less), name
        odd = {**value, name: 7 if isinstance(value[name], str) else "odd"}
        assert not validator(kind).is_valid(odd), name


def test_an_answer_of_a_real_run_validates():
    validator("explanation").validate(json.loads((GOLDEN / "answer-1.json").read_text()))


def test_an_answer_that_breaks_its_schema_is_seen_wherever_it_is_made():
    odd = answers.verification(script=7)
    with validating(), pytest.raises(ValidationError):
        odd.to_dict()


def test_what_a_command_in_a_process_of_its_own_writes_is_validated(tmp_path):
    """A stand-in for the program: it writes an answer that lacks what the schema demands."""
    program = tmp_path / "whydiff"
    program.write_text(f"#!{sys.executable}\nopen('a.json', 'w').write('{{}}')\n")
    program.chmod(0o755)
    command = [program, "explain", "train.py", "--json", "a.json"]
    with validating(), pytest.raises(ValidationError):
        subprocess.run(command, cwd=tmp_path, check=True)
    subprocess.run([*command[:3], "--", *command[3:]], cwd=tmp_path, check=True)  # the script's


@pytest.mark.parametrize("words", [("--json",), ("--json", "--verbose"), ("--json", "-")])
def test_what_a_command_writes_to_stdout_is_validated(tmp_path, words):
    program = tmp_path / "whydiff"
    program.write_text(f"#!{sys.executable}\nprint('{{}}')\n")
    program.chmod(0o755)
    with validating(), pytest.raises(ValidationError):
        subprocess.run([program, "explain", "train.py", *words], capture_output=True, check=True)


def test_what_a_function_or_a_verb_gives_is_validated(tmp_path, monkeypatch):
    """Though nobody turns it into JSON."""
    odd = answers.verification(script=7)
    monkeypatch.setattr(whydiff.api.verify, "verify", lambda *words, **options: odd)
    with validating(), pytest.raises(ValidationError):
        whydiff.verify("train.py")
    (tmp_path / "train.py").write_text("import keras\nkeras.Sequential().fit(1)\n")
    done = CliRunner().invoke(main, ["verify", str(tmp_path / "train.py")])
    assert "ValidationError" in done.output + done.stderr  # see tests/conftest.py
    recorded = answers.execution(script=7)
    with validating(), pytest.raises(ValidationError):
        validate(recorded)


def test_every_kind_is_written_by_a_verb():
    assert set(WRITTEN.values()) == set(KINDS)


def test_a_kind_or_version_that_is_not_there_is_named():
    with pytest.raises(KeyError, match="no schema 1 of 'page'"):
        schema("page")
    with pytest.raises(KeyError, match="no schema 2 of 'study'"):
        schema("study", 2)


def test_the_entries_that_a_page_explains_are_those_of_the_schema():
    page = (ROOT / "docs" / "skill.md").read_text()
    rows = re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`([\w.\[\]]+)`", row)]
    entries = schema("explanation")["properties"]
    causes = entries["causes"]["items"]["properties"]
    assert {"identical", "causes[].share", "remedy", "unknown"} <= set(names)
    for name in names:
        last = name.removeprefix("causes[].")
        assert last in (causes if name != last or last in ("alone", "remaining") else entries), name
