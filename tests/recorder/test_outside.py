"""What of a run another one could see, told before it is done."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from whydiff.recorder.outside import EVENTS, Outside, tells, wait_for_any
from whydiff.testing import HANGS


@pytest.fixture
def seen(tmp_path):
    """Whether an event is one that others could see, where ``tmp_path/work`` is a scratch copy."""
    (tmp_path / "work").mkdir()
    (tmp_path / "elsewhere").mkdir()

    def ask(event, *arguments):
        assert event in EVENTS
        reached = []
        Outside([str(tmp_path / "work")], lambda: reached.append(event)).heard(event, arguments)
        return bool(reached)

    return ask


def test_only_what_is_written_outside_of_the_copy_is_seen(tmp_path, seen, monkeypatch):
    work, elsewhere = tmp_path / "work", tmp_path / "elsewhere"
    assert seen("open", str(elsewhere / "x"), "w", 0)
    assert seen("open", str(elsewhere / "x"), None, os.O_RDWR)
    assert not seen("open", str(elsewhere / "x"), "rb", 0)
    assert not seen("open", str(elsewhere / "x"), None, os.O_RDONLY)
    assert not seen("open", str(work / "x"), "w", 0)
    assert not seen("open", "/dev/null", "w", 0)
    monkeypatch.chdir(work)
    assert not seen("open", "x", "w", 0) and seen("open", "../x", "w", 0)
    assert not seen("os.mkdir", "logs", 0o777, -1)
    assert seen("os.mkdir", str(elsewhere / "new"), 0o777, -1)
    assert not seen("os.mkdir", str(elsewhere), 0o777, -1)  # it is there already
    assert seen("os.rename", "x", str(elsewhere / "x"), -1, -1)
    assert seen("os.rename", str(elsewhere / "x"), "x", -1, -1)
    assert seen("sqlite3.connect", str(elsewhere / "runs.db"))
    assert not seen("sqlite3.connect", "runs.db") and not seen("sqlite3.connect", ":memory:")
    assert seen("sqlite3.connect", f"file:{elsewhere}/runs.db?mode=rwc")


def test_a_link_that_leads_out_of_the_copy_is_followed(tmp_path, seen):
    (tmp_path / "work" / "out").symlink_to(tmp_path / "elsewhere")
    assert seen("open", str(tmp_path / "work" / "out" / "x"), "w", 0)
    assert not seen("os.remove", str(tmp_path / "work" / "out"), -1)  # the link itself


def test_a_path_from_an_open_folder_is_looked_up_there(tmp_path, seen):
    for name, wanted in (("elsewhere", True), ("work", False)):
        folder = os.open(tmp_path / name, os.O_RDONLY)
        assert seen("os.remove", "x", folder) is wanted
        assert seen("fcntl.flock", folder, 2) is wanted
        os.close(folder)


@pytest.mark.parametrize(
    ("event", "arguments", "wanted"),
    [
        ("subprocess.Popen", ("git", ["git", "status"], None, None), True),
        ("subprocess.Popen", ("/bin/uname", ["uname", "-p"], None, None), False),
        ("socket.connect", (None, ("127.0.0.1", 80)), True),
        ("socket.bind", (None, ("127.0.0.1", 6006)), True),
        ("socket.bind", (None, ("::1", 0)), False),
        ("os.kill", (1, 0), True),
        ("os.fork", (), True),
        ("open", (object(), "w", 0), True),  # an argument that is not understood
    ],
)
def test_other_programs_and_the_network_are_seen(seen, event, arguments, wanted):
    assert seen(event, *arguments) is wanted


def test_what_tempfile_names_is_met_by_nobody(tmp_path, monkeypatch):
    reached = []
    outside = Outside([str(tmp_path / "work")], lambda: reached.append(1))
    heard = threading.Event()

    def hook(event, arguments):
        if heard.is_set() and event in EVENTS:
            outside.heard(event, arguments)

    sys.addaudithook(hook)
    heard.set()
    try:
        folder = tempfile.mkdtemp(dir=tmp_path)
        (Path(folder) / "x").write_text("")
        with tempfile.NamedTemporaryFile(dir=tmp_path):
            pass
    finally:
        heard.clear()
    assert not reached


def test_the_first_run_tells_and_the_second_waits(tmp_path):
    alone, over = tmp_path / "alone", tmp_path / "over"
    reached = tells(alone)
    assert alone.exists()
    reached()
    reached()
    assert not alone.exists()
    waiting = threading.Thread(target=wait_for_any, args=(over,))
    waiting.start()
    assert waiting.is_alive()
    over.touch()
    waiting.join(timeout=HANGS)
    assert not waiting.is_alive()


def test_nothing_that_a_backend_imports_is_seen():
    """Else two runs would never go on at once."""
    text = (
        "import sys\n"
        "from whydiff.recorder.outside import EVENTS, Outside\n"
        "outside = Outside([], lambda: print('reached'))\n"
        "sys.addaudithook(lambda e, a: e in EVENTS and outside.heard(e, a))\n"
        "import keras"
    )
    env = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env=env)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
