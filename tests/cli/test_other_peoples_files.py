"""Only what whydiff wrote is replaced, by content and not by name; all else needs --force."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from whydiff.cli import main
from whydiff.cli.output import write_json, write_page
from whydiff.core.errors import WhydiffError
from whydiff.core.lock import Lock
from whydiff.storage.lockfile import check_lock, write_lock
from whydiff.testing import answers


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("raise SystemExit('it ran')\n")
    write_json("answer.json", answers.explanation().to_dict())
    write_page("page.html", answers.explanation())
    return lambda *words: CliRunner().invoke(main, list(words))


OTHERS = {
    "notes.txt": "my notes\n",
    "data.json": '{"labels": [1, 2]}\n',
    "mine.html": "<!DOCTYPE html>\n<html><body>about whydiff</body></html>\n",
    "list.json": "[]\n",
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(
    "words",
    [
        ("report", "answer.json", "--html"),
        ("check", "train.py", "--json"),
        ("lock", "train.py", "-o"),
        ("explain", "train.py", "--html"),
        ("study", "train.py", "--json"),
        ("compare", "train.py", "--html"),
        ("verify", "train.py", "--json"),
    ],
)
def test_another_persons_file_stays(run, tmp_path, words, name):
    (tmp_path / name).write_text(OTHERS[name])
    done = run(*words, name)
    assert done.exit_code == 2 and f"{name} exists" in done.output and "--force" in done.output
    assert "it ran" not in done.output
    assert (tmp_path / name).read_text() == OTHERS[name]
    assert not list(tmp_path.glob(".whydiff-*"))


def test_a_page_and_json_do_not_replace_each_other_nor_land_in_one_file(run):
    for words in (("report", "answer.json", "--html", "answer.json"),
                  ("check", "train.py", "--json", "page.html")):  # fmt: skip
        done = run(*words)
        assert done.exit_code == 2 and "so it is not replaced" in done.output
    done = run("explain", "train.py", "--json", "new", "--html", "./new")
    assert done.exit_code == 2 and "Name two files" in done.output


def test_what_we_wrote_is_replaced_and_all_else_by_force(run, tmp_path):
    for words in (("report", "answer.json", "--html", "page.html"),
                  ("report", "answer.json", "--html", "notes.txt", "--force"),
                  ("report", "answer.json", "--html", "empty")):  # fmt: skip
        (tmp_path / "notes.txt").write_text("my notes")
        (tmp_path / "empty").write_text("")
        assert run(*words).exit_code == 0
        assert (tmp_path / words[3]).read_text().startswith("<!DOCTYPE html>")
    assert run("check", "train.py", "--json", "answer.json").exit_code in (0, 1)
    assert json.loads((tmp_path / "answer.json").read_text())["scripts"] == 1


def test_a_link_is_replaced_and_not_followed(run, tmp_path):
    (tmp_path / "theirs").write_text("")
    (tmp_path / "page").symlink_to("theirs")
    assert run("report", "answer.json", "--html", "page").exit_code == 0
    assert (tmp_path / "theirs").read_text() == "" and not (tmp_path / "page").is_symlink()


def test_a_device_and_a_pipe_are_written_to(run, tmp_path):
    assert run("report", "answer.json", "--html", os.devnull).exit_code == 0
    assert not Path(os.devnull).is_file()
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert run("check", "train.py", "--json", "pipe").exit_code in (0, 1)
    assert json.loads(os.read(reading, 65536))["schema"] == 1
    os.close(reading)


def test_a_lock_is_only_replaced_by_one_of_the_same_script(tmp_path):
    path = tmp_path / "train.lock"
    lock = Lock(script="a.py", arguments=(), environment={}, algorithm="x", ledger=(), fits=())
    check_lock(path, "a.py")  # there is none yet
    write_lock(lock, path)
    for script, force, fine in (("a.py", True, True), ("b.py", True, True), ("b.py", False, False)):
        if fine:
            check_lock(path, script, force)
        else:
            with pytest.raises(WhydiffError, match="lock"):
                check_lock(path, script, force)
