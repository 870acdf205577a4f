"""SARIF 2.1.0: what its schema and GitHub's code scanning demand of what we write.

The demands are those of the schema at https://docs.oasis-open.org/sarif/sarif/v2.1.0/, for the
objects that we use; output was validated by the schema itself when this was written.
"""

import jsonschema
import pytest

from whydiff.core.problem import Checked, Problem
from whydiff.lint import RULES
from whydiff.report.sarif import sarif

TEXT = {"type": "object", "required": ["text"], "additionalProperties": False,
        "properties": {"text": {"type": "string", "minLength": 1}}}  # fmt: skip
LOCATION = {
    "type": "object", "additionalProperties": False, "required": ["physicalLocation"],
    "properties": {"physicalLocation": {
        "type": "object", "additionalProperties": False, "required": ["artifactLocation"],
        "properties": {
            "artifactLocation": {
                "type": "object", "additionalProperties": False, "required": ["uri"],
                "properties": {"uri": {"type": "string", "pattern": r"^[!-~]+$"},
                               "uriBaseId": {"const": "%SRCROOT%"}},
            },
            "region": {
                "type": "object", "additionalProperties": False, "required": ["startLine"],
                "properties": {"startLine": {"type": "integer", "minimum": 1},
                               "startColumn": {"type": "integer", "minimum": 1}},
            },
        },
    }},
}  # fmt: skip
RULE = {
    "type": "object", "additionalProperties": False,
    "required": ["id", "shortDescription", "fullDescription", "help"],
    "properties": {
        "id": {"type": "string"}, "name": {"type": "string"}, "shortDescription": TEXT,
        "fullDescription": TEXT, "help": TEXT,
        "defaultConfiguration": {"const": {"level": "warning"}},
    },
}  # fmt: skip
RESULT = {
    "type": "object", "additionalProperties": False,
    "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
    "properties": {
        "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["none", "note", "warning", "error"]}, "message": TEXT,
        "locations": {"type": "array", "items": LOCATION, "minItems": 1},
    },
}  # fmt: skip
SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["$schema", "version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "maxItems": 1, "items": {
            "type": "object", "additionalProperties": False, "required": ["tool", "results"],
            "properties": {
                "tool": {"type": "object", "required": ["driver"], "properties": {"driver": {
                    "type": "object", "required": ["name", "rules"],
                    "properties": {"rules": {"type": "array", "items": RULE, "uniqueItems": True}},
                }}},
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "invocations": {"type": "array", "items": {
                    "type": "object", "required": ["executionSuccessful"]}},
                "results": {"type": "array", "items": RESULT},
            },
        }},
    },
}  # fmt: skip


def problem(**changes):
    values = {"file": "train.py", "line": 7, "column": 3, "rule": "WD101", "name": "no-seed",
              "what": "no seed is set", "remedy": "Set one."}  # fmt: skip
    return Problem(**{**values, **changes})


def made(*problems, unread=()):
    value = sarif(Checked(2, problems, unread), RULES)
    jsonschema.validate(value, SCHEMA, jsonschema.Draft7Validator)
    return value["runs"][0]


def test_a_result_names_its_rule_and_place():
    run = made(problem())
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "WD101"
    assert result["message"]["text"] == "No seed is set. Set one."
    place = result["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "train.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 7, "startColumn": 3},
    }


def test_a_cell_of_a_notebook_is_named_in_words():
    (result,) = made(problem(file="a.ipynb", cell=2))["results"]
    assert result["message"]["text"].startswith("Cell 2, line 7: ")
    assert "region" not in result["locations"][0]["physicalLocation"]


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("a b/ü#1%.py", "a%20b/%C3%BC%231%25.py"),
        ("/elsewhere/a b.py", "file:///elsewhere/a%20b.py"),
    ],
)
def test_files_are_uris(file, uri):
    (result,) = made(problem(file=file))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_a_file_below_the_current_folder_is_named_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (result,) = made(problem(file=str(tmp_path / "src" / "a.py")))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "src/a.py"


def test_what_could_not_be_read_is_told():
    (invocation,) = made(unread=(("b.py", "it is no Python"),))["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "it is no Python"
