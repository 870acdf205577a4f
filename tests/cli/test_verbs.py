"""Help, usage errors and trouble of the verbs: one message with a way out, exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from whydiff.cli import main
from whydiff.cli.group import RUN_SCRIPTS, VERBS
from whydiff.storage import Writer


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="whydiff")


def script(folder, text, name="train.py"):
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_names_its_options(verb):
    shown = run(verb, "--help")
    assert shown.exit_code == 0
    assert shown.output.startswith(f"Usage: whydiff {verb}")
    assert verb in run("--help").output
    command = main.get_command(click.Context(main), verb)
    for option in command.params:
        assert isinstance(option, click.Argument) or option.help, f"{option.name} is not explained"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explan", "x.py"), "`whydiff explain`?"),
        (("train.py",), "`whydiff explain train.py`?"),
        (("a.whydiff", "--verbose"), "`whydiff show a.whydiff`?"),
        (("zzz",), "there is no verb 'zzz'"),
        (("explain",), "SCRIPT"),
        (("explain", "a.py", "--fits", "0,1"), "'0,1' is not a pair of fits"),
        (("explain", "a.py", "--fits", "1;2"), "'1;2' is not a pair of fits"),
        (("explain", "a.py", "--fits", "2,2"), "compares a fit with itself"),
        (("explain", "a.py", "b.py", "--runs"), "not b.py too"),
        (("explain", "a.py", "--budget", "soon"), "'soon' is not a time"),
        (("explain", "a.py", "--a-env", "SEED"), "SEED"),
        (("explain", "missing.py"), "there is no script missing.py"),
        (("record", "missing.py", "-o", "a.whydiff"), "there is no script missing.py"),
        (("show", "missing.whydiff"), "missing.whydiff"),
        (("diff", "missing.whydiff", "other.whydiff"), "missing.whydiff"),
    ],
)
def test_wrong_use_names_the_offending_value(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("broken.py", b"model.fit(x,\n", "broken.py is not Python"),
        ("image.png", b"\x89PNG\r\n\x1a\n\x00\x00", "image.png is not Python"),
        ("notes.ipynb", b"{}", "a notebook"),
        ("zeros.py", b"\0\0\0", "zeros.py is not Python"),
    ],
)
def test_what_is_no_script_is_said_before_anything_runs(name, content, said, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    for more in (("explain",), ("record", "-o", tmp_path / "a.whydiff")):
        done = run(*more, path)
        assert done.exit_code == 2
        assert said in done.output
        assert len(done.output.splitlines()) > 1, "no way out"


@pytest.mark.parametrize("verb", VERBS)
def test_windows_is_refused_at_the_start_where_scripts_run(tmp_path, monkeypatch, verb):
    monkeypatch.setattr(sys, "platform", "win32")
    done = run(verb, tmp_path / "none.py")
    refused = "not supported on Windows" in done.output
    assert refused == (verb in RUN_SCRIPTS)
    assert done.exit_code == 2 and ("WSL" in done.output) == refused
    assert run(verb, "--help").exit_code == 0


def test_a_folder_and_a_recording_are_no_scripts(tmp_path):
    assert "is a directory" in run("explain", tmp_path).output
    Writer(tmp_path / "a.whydiff", "train.py", ()).close(0)
    assert "is a recording" in run("study", tmp_path / "a.whydiff").output
    assert "Name a second recording" in run("explain", tmp_path / "a.whydiff").output


def test_json_goes_where_it_can_be_written(tmp_path):
    done = run("explain", script(tmp_path, "pass"), "--json", tmp_path / "none" / "answer.json")
    assert done.exit_code == 2
    assert f"no directory {tmp_path / 'none'}" in done.output


def test_a_recording_without_a_fit(tmp_path):
    Writer(tmp_path / "a.whydiff", "train.py", ("--fast",)).close(3)
    shown = run("show", tmp_path / "a.whydiff")
    assert shown.exit_code == 0
    assert "was not seen to train" in shown.output
    assert "exit code 3" in shown.output
    assert json.loads(run("show", tmp_path / "a.whydiff", "--json").output)["fits"] == []
    done = run("diff", tmp_path / "a.whydiff", tmp_path / "a.whydiff")
    assert done.exit_code == 2
    assert "holds no fit" in done.output


def test_the_package_runs_as_a_module():
    ran = subprocess.run(
        [sys.executable, "-m", "whydiff", "--help"], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("Usage: whydiff ")


def test_a_file_that_cannot_be_used_is_named(tmp_path, monkeypatch):
    """It is not taken for the answer, which nobody was about to write."""

    def fail(*_):
        raise FileNotFoundError(2, "No such file or directory", str(tmp_path / "weights.npz"))

    monkeypatch.setattr("whydiff.storage.load", fail)
    recording = tmp_path / "a.whydiff"
    Writer(recording, "train.py", []).close(0)
    done = run("show", recording)
    assert done.exit_code == 2
    assert f"{tmp_path / 'weights.npz'}: No such file or directory" in done.output
    assert "cannot write the answer" not in done.output
