"""``whydiff lock`` and ``verify`` at the command line: what is refused before anything runs."""

import pytest
from click.testing import CliRunner

from whydiff.cli import main


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
        (("lock", "train.py", "-o", "no/such/folder/a.lock"), "no directory"),
        (("lock", "train.py", "--replicas", "1"), "--replicas 1"),
        (("lock", "train.py", "--replicas", "-3"), "-3"),
        (("verify", "train.py"), "there is no lock whydiff.lock"),
        (("verify", "train.py", "--lock", "train.py"), "is not a lock that can be read"),
        (("verify", "train.py", "--require", "roughly"), "roughly"),
        (("verify", "train.py", "--margin", "-1"), "--margin -1"),
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
    assert not (tmp_path / "whydiff.lock").exists()
