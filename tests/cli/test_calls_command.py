"""``calls`` numbers what a script does with its models."""

from pathlib import Path

from click.testing import CliRunner

from whydiff.cli import main

GOLDEN = Path(__file__).parent.parent / "storage" / "golden" / "recording-1.whydiff"


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words], prog_name="whydiff")


def test_a_recording_is_read():
    assert run("calls", GOLDEN).stdout == run("show", GOLDEN).stdout
