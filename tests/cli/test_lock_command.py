"""``whydiff lock`` and ``verify`` at the command line: what is refused before anything runs."""

import pytest
from click.testing import CliRunner

from whydiff.api.lock import default_lock, lock_of
from whydiff.cli import main
from whydiff.core.lock import Lock
from whydiff.storage.lockfile import write_lock


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("raise SystemExit('it ran')\n")
    return lambda *words: CliRunner().invoke(main, list(words))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("lock", "missing.py"), "there is no script missing.py"),
        (("lock", "train.py", "-o", "train.py"), "is the script itself"),
        (("lock",), "Name one script"),
        (("verify", "train.py", "-m", "train"), "Name one script"),
        (("lock", "-m", "no.such"), "there is no module no.such"),
        (("lock", "-m", "pytest.__main__"), "its lock does not belong beside it"),
        (("lock", "train.py", "-o", "no/such/folder/a.lock"), "no directory"),
        (("lock", "train.py", "--replicas", "1"), "--replicas 1"),
        (("lock", "train.py", "--replicas", "-3"), "-3"),
        (("verify", "train.py"), "there is no lock train.lock"),
        (("verify", "train.lock"), "train.lock is a lock, not a script"),
        (("verify", "train.py", "--lock", "train.py"), "is not a lock that can be read"),
        (("verify", "train.py", "--require", "roughly"), "roughly"),
        (("verify", "train.py", "--margin", "-1"), "--margin -1"),
        (("verify", "train.py", "--a-rev", "v9"), "is in no git repository"),
        (("verify", "train.py", "--json", "no/such/a.json"), "no directory"),
    ],
)
def test_trouble_is_exit_code_2_and_names_the_value(run, words, says):
    done = run(*words)
    assert done.exit_code == 2
    assert says in done.output
    assert "it ran" not in done.output and "Traceback" not in done.output


@pytest.mark.long
def test_a_script_that_fails_leaves_no_lock(run, tmp_path):
    done = run("lock", "train.py")
    assert done.exit_code == 2
    assert "it ran" in done.output  # the script's own words
    assert not (tmp_path / "train.lock").exists()


def a_lock(path, script):
    write_lock(
        Lock(script=script, arguments=(), environment={}, algorithm="x", ledger=(), fits=()), path
    )


def test_every_script_of_a_folder_has_a_lock_of_its_own(tmp_path):
    assert default_lock(tmp_path / "a.py") == tmp_path / "a.lock"
    assert default_lock(tmp_path / "b.py") == tmp_path / "b.lock"


def test_a_lock_from_before_is_found_where_it_is_the_scripts(tmp_path):
    a_lock(tmp_path / "whydiff.lock", "a.py")
    assert lock_of(tmp_path / "a.py") == tmp_path / "whydiff.lock"
    assert lock_of(tmp_path / "b.py") == tmp_path / "b.lock"
    a_lock(tmp_path / "a.lock", "a.py")
    assert lock_of(tmp_path / "a.py") == tmp_path / "a.lock"
    (tmp_path / "whydiff.lock").write_text("no lock")
    assert lock_of(tmp_path / "b.py") == tmp_path / "b.lock"


def test_the_lock_of_another_script_is_not_replaced(run, tmp_path):
    a_lock(tmp_path / "train.lock", "other.py")
    before = (tmp_path / "train.lock").read_text()
    done = run("lock", "train.py")
    assert done.exit_code == 2
    assert "train.lock is the lock of other.py, not of train.py" in done.output
    assert "-o" in done.output and "--force" in done.output
    assert (tmp_path / "train.lock").read_text() == before
