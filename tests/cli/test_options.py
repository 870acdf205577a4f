"""Options that several verbs share mean the same in each of them."""

import importlib
import inspect
import json

import click
import pytest
from click.testing import CliRunner

import whydiff
from whydiff.cli import main
from whydiff.cli.answering import TARGET_OPTIONS
from whydiff.cli.group import VERBS
from whydiff.cli.script import asked
from whydiff.storage import Writer

#: verbs that do something else than to answer
OTHERS = {"lock", "record", "report", "help", "completion"}


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def options(verb):
    command = main.get_command(click.Context(main), verb)
    return {option: p for p in command.params for option in p.opts}


@pytest.mark.parametrize("name", ["--json", "--html", "--fits", "--metric"])
def test_an_option_has_one_form(name):
    """The same kind of value, wherever it is (the page of `report` may be left out)."""
    found = [options(verb)[name] for verb in VERBS if name in options(verb)]
    assert len(found) >= 2
    assert len({(o.is_flag, o.multiple, o.nargs, type(o.type)) for o in found}) == 1


def test_every_answer_has_json():
    assert {verb for verb in VERBS if "--json" in options(verb)} == set(VERBS) - OTHERS


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Writer(tmp_path / "a.whydiff", "train.py", []).close(0)
    (tmp_path / "train.py").write_text("import keras\nprint(1)\n")
    return tmp_path


@pytest.mark.parametrize("words", [("show", "a.whydiff"), ("check", "train.py")])
def test_json_goes_to_stdout_or_to_a_file(folder, words):
    (folder / "old.json").write_text('{"schema": 1}')
    printed = json.loads(run(*words, "--json").stdout)
    assert json.loads(run(*words, "--json", "-").stdout) == printed
    done = run(*words, "--json", "old.json")
    assert not done.stdout.startswith("{") and done.stdout
    assert json.loads((folder / "old.json").read_text()) == printed


@pytest.mark.parametrize(
    "words",
    [("check", "--json", "train.py", "train.py"), ("diff", "a.whydiff", "a.whydiff", "--json",
     "a.whydiff"), ("show", "--json", "train.py", "a.whydiff")],
)  # fmt: skip
def test_json_never_replaces_what_is_not_json(folder, words):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = run(*words)
    assert done.exit_code == 2 and "is no JSON of whydiff" in done.stderr
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "words",
    [("study", "train.py", "-o", "-"), ("record", "train.py", "-o", "-"),
     ("lock", "train.py", "-o", "-"), ("show", "a.whydiff", "--json", ""),
     ("diff", "a.whydiff", "a.whydiff", "--html", "-"), ("report", "a.whydiff", "--html", "-")],
)  # fmt: skip
def test_no_file_named_minus_is_made(folder, words):
    done = run(*words)
    assert not (folder / "-").exists()
    if "" not in words:
        assert done.exit_code == 2 and "cannot be written to stdout" in done.stderr


@pytest.mark.parametrize(
    ("words", "again"),
    [
        (["a.py", "--json", "--runs"], "a.py --runs"),
        (["a.py", "--json", "x.json", "--runs"], "a.py --runs"),
        (["a.py", "--json", "-", "--html", "p.html"], "a.py"),
        (["a.py", "--json=x", "--", "--json", "y"], "a.py -- --json y"),
        (["a.py", "--json"], "a.py"),
    ],
)
def test_the_command_that_asks_again_names_no_target(words, again):
    command = main.get_command(click.Context(main), "compare")
    context = click.Context(command, info_name="compare")
    context.meta["whydiff.words"] = tuple(words)
    assert asked(context) == f"whydiff compare {again}"


@pytest.mark.parametrize("verb", [verb for verb in VERBS if "--track" in options(verb)])
def test_a_tracker_that_is_none_is_refused_before_anything_is_run(folder, verb):
    (folder / "train.py").write_text("open('ran', 'w')\n")
    words = ["--set", "optimizer=sgd"] if verb == "compare" else []
    done = run(verb, "train.py", *words, "--track", "nope:x")
    assert done.exit_code == 2 and not (folder / "ran").exists()
    assert "there is no tracker 'nope:x'" in done.output + str(done.exception)


@pytest.mark.parametrize(
    "verb", ["explain", "diff", "study", "compare", "verify", "bisect", "matrix", "lock"]
)
def test_every_option_is_one_of_the_public_function(verb):
    """A verb hands on by name what it does not look at itself."""
    command = importlib.import_module(f"whydiff.cli.{verb}").command
    taken = inspect.signature(inspect.unwrap(command.callback)).parameters
    public = inspect.signature(getattr(whydiff, verb)).parameters
    handed_on = {p.name for p in command.params} - {*taken, *TARGET_OPTIONS}
    assert handed_on and handed_on <= {*public}
