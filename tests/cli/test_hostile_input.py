"""Whatever is in a file or a name: an answer or a clear refusal, and nothing steers a terminal."""

import importlib
import json
import os
import re

import pytest
from click.testing import CliRunner

from whydiff.cli import main
from whydiff.cli.output import write_json
from whydiff.storage import Writer
from whydiff.testing import answers

RAW = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\ud800-\udfff]"
)
STEERING = "a\x1b[31m\x07\x9b\u202eb\u2066\u2028c"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, list(words))


def refused(done, says):
    assert done.exit_code == 2 and says in done.output, (done.output, done.exception)
    assert "Traceback" not in done.output and not RAW.search(done.output)


@pytest.mark.parametrize("verb", ["check", "show", "report", "diff", "record", "explain", "verify"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_pipes_and_devices_are_refused_before_reading(run, tmp_path, verb, kind):
    (tmp_path / "train.py").write_text("print(1)\n")
    if kind == "pipe":
        os.mkfifo(tmp_path / "odd.py")
    else:
        (tmp_path / "odd.py").symlink_to("/dev/zero")
    rest = {"diff": ["odd.py"], "record": ["-o", "o.whydiff"]}.get(verb, [])
    refused(run(*([verb, "odd.py", *rest] if verb != "verify" else
                  [verb, "train.py", "--lock", "odd.py"])), f"a {kind}")  # fmt: skip


def test_a_pipe_in_a_folder_is_refused_and_the_rest_is_checked(run, tmp_path):
    (tmp_path / "all").mkdir()
    os.mkfifo(tmp_path / "all" / "a.py")
    (tmp_path / "all" / "b.py").write_text("import keras\n")
    (tmp_path / "all" / "c.py").symlink_to("/dev/zero")
    done = run("check", "all", "--json", "answer.json")
    refused(done, "a.py: it is a pipe")
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["scripts"] == 3 and len(answer["unread"]) == 2


DEEP = {
    "attributes": "a" + ".b" * 20_000,
    "brackets": "[" * 20_000 + "]" * 20_000,
    "parentheses": "(" * 150 + ")" * 150,
    "a sum": " + ".join(["1"] * 20_000),
    "calls": "f" + "()" * 20_000,
    "blocks": "\n".join(" " * n + "if 1:" for n in range(99)) + "\n" + " " * 99 + "pass",
    "a number": "x = " + "9" * 100_000,
    "elses": "if 1: pass\n" + "elif 1: pass\n" * 5_000,
    "powers": "-" * 20_000 + "1",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_enormous_expressions(run, tmp_path, text):
    (tmp_path / "deep.py").write_text(text + "\n")
    done = run("check", "deep.py")
    assert done.exit_code in (0, 1) or (refused(done, "deep.py") or True)


def test_an_expression_of_a_thousand_terms_is_read(run, tmp_path):
    (tmp_path / "long.py").write_text("import keras\nx = " + " + ".join(["'a'"] * 1000) + "\n")
    assert run("check", "long.py").exit_code in (0, 1)


def test_nothing_steers_a_terminal_or_hides_in_json(run, tmp_path):
    name = STEERING.replace("\x9b", "")
    (tmp_path / f"{name}.py").write_text("x = = 1\n")
    Writer(tmp_path / f"{name}.whydiff", f"{STEERING}.py", [STEERING]).close(0)
    write_json("a.json", answers.explanation(question=STEERING).to_dict())
    for words in (
        ("check", f"{name}.py"),
        ("show", f"missing {name}"),
        ("show", f"{name}.whydiff"),
        ("show", f"{name}.whydiff", "--json"),
        ("report", "a.json", "--html", f"{name}.html"),
        ("explain", f"{name}.py", "--metric"),
        (name,),
        ("check", f"--{name}"),
    ):
        done = run(*words)
        assert not RAW.search(done.output), (words, done.output)
    assert not RAW.search((tmp_path / "a.json").read_text())
    assert not RAW.search((tmp_path / f"{name}.html").read_text())
    assert json.loads((tmp_path / "a.json").read_text())["question"] == STEERING


@pytest.mark.parametrize("verb", ["show", "report", "diff", "explain"])
def test_what_nobody_foresaw_is_exit_code_2(run, tmp_path, monkeypatch, verb):
    def fails(*args, **kwargs):
        raise RuntimeError("unforeseen \x1b")

    Writer(tmp_path / "a.whydiff", "train.py", []).close(0)
    (tmp_path / "train.py").write_text("print(1)\n")
    names = ("whydiff.api.report.load", "whydiff.api.diff.diff", "whydiff.api.explain.explain",
             "whydiff.storage.load")  # fmt: skip
    for name in names:  # before anything is replaced: a module imported then would keep it
        importlib.import_module(name.rpartition(".")[0])
    for name in names:
        monkeypatch.setattr(name, fails)
    if verb == "explain":
        done = run(verb, "train.py")
        assert done.exit_code == 2 and "by a fault of its own" in done.output
        return
    words = ["a.whydiff", "a.whydiff"] if verb == "diff" else ["a.whydiff"]
    refused(run(verb, *words), "a.whydiff is damaged, or holds what whydiff cannot read" if
            verb != "diff" else "damaged, or holds what whydiff cannot read")  # fmt: skip
