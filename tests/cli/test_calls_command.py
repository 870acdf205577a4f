"""``calls`` numbers what a script does with its models."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from whydiff.cli import main

GOLDEN = Path(__file__).parent.parent / "storage" / "golden" / "recording-1.whydiff"


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words], prog_name="whydiff")


def test_a_recording_is_read():
    assert run("calls", GOLDEN).stdout == run("show", GOLDEN).stdout


@pytest.mark.parametrize(
    "words",
    [
        ("calls",),
        ("record", "-o", "a.whydiff"),
        ("matrix", "--over", "keras"),
        ("bisect", "--over", "asof", "--good", "2025-01-01", "--bad", "2025-06-01"),
    ],
)
def test_a_module_is_named_as_python_names_it(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "there is no module no.such" in run(*words, "-m", "no.such").output
    assert "Name one script" in run(*words, "train.py", "-m", "no.such").output
