"""However whydiff is ended, the script's process ends too and what was recorded can be read."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from whydiff.testing import HANGS

#: Says its process id, then goes on for a minute, as does what it starts.
SCRIPT = """
import os, subprocess, time
if "WHYDIFF_RUN" in os.environ:
    subprocess.Popen(["sleep", "60"])
print(os.getpid(), flush=True)
time.sleep(60)
"""
ENDED = "commands ended by a signal"
COMMAND = "from whydiff.cli import main; main()"
#: What ends us. Nobody hears SIGKILL; that a child ends then, too, is promised by Linux alone.
SIGNALS = [signal.SIGTERM, signal.SIGHUP]
if sys.platform.startswith("linux"):
    SIGNALS.append(signal.SIGKILL)


def heard():
    """In a child of ours: signals end it, also where the tests run under nohup."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def comes_true(condition):
    """Waits for what another process does, however busy the machine is."""
    for _ in range(int(20 * HANGS)):
        if condition():
            return True
        time.sleep(0.05)
    return False


def ended(pid):
    """Waits for a process that is no child of ours."""

    def over():
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except ProcessLookupError:
            return True
        except FileNotFoundError:  # it ended just now, or this system has no /proc: ask again
            return False
        return state == "Z"  # over, but nobody has fetched its exit code

    return comes_true(over)


def emptied(folder):
    """Waits: of a process that was killed another one removes the folders."""
    return comes_true(lambda: not list(folder.iterdir()))


def ours(scratch):
    """Processes whose command or environment names a folder, where the system shows these."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if str(scratch).encode() in told:
            found.append(int(process.name))
    return found


def started(scratch, *arguments, **options):
    """A command of ours that makes its folders in ``scratch``; silent unless asked otherwise."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, arguments)],
        env={**os.environ, "TMPDIR": str(scratch)},
        **{**silent, **options},
    )


@pytest.mark.thorough
@pytest.mark.parametrize("number", [n for n in SIGNALS if n != signal.SIGHUP])
def test_ended_at_any_moment_nothing_is_left(tmp_path, tally, number):
    script, scratch = tmp_path / "train.py", tmp_path / "scratch"
    scratch.mkdir()
    script.write_text("import time\ntime.sleep(60)\n")
    for moment in range(10):
        process = started(scratch, "explain", script)
        time.sleep(0.05 + 0.15 * moment)
        process.send_signal(number)
        assert process.wait(timeout=HANGS) != 0
        assert emptied(scratch), moment
        for pid in ours(scratch):
            assert ended(pid), moment
        tally[ENDED, "ended, no process and no folder left"] += 1


#: Trains without a seed, so that hybrids are trained and a fix is tried.
UNSEEDED = """
import keras
import numpy as np
x = np.ones((16, 3), "float32")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
model.compile("sgd", "mse")
model.fit(x, x[:, :2], verbose=0)
"""


@pytest.mark.thorough
@pytest.mark.parametrize("number", [n for n in SIGNALS if n != signal.SIGHUP])
@pytest.mark.parametrize("at", ["(b)", "training hybrids", "trying a fix"])
def test_ended_while_it_trains_nothing_is_left(tmp_path, tally, number, at):
    scratch, project = tmp_path / "scratch", tmp_path / "project"
    scratch.mkdir()
    project.mkdir()
    (project / "train.py").write_text(UNSEEDED)
    process = started(
        scratch, "explain", "train.py",
        cwd=project, stderr=subprocess.PIPE, text=True, preexec_fn=heard,
    )  # fmt: skip
    with process.stderr as said:
        assert any(at in line for line in said)
        process.send_signal(number)
        assert process.wait(timeout=HANGS) == -number
    assert emptied(scratch)
    for pid in ours(scratch):
        assert ended(pid)
    assert [path.name for path in project.iterdir()] == ["train.py"]
    tally[ENDED, "ended, no process and no folder left"] += 1


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("verb", ["record", "explain", "study"])
def test_no_process_and_no_folder_outlives_us(tmp_path, tally, verb, number):
    script, scratch = tmp_path / "train.py", tmp_path / "scratch"
    scratch.mkdir()
    told = tmp_path / "pid"
    script.write_text(SCRIPT.replace("print(os.getpid(), flush=True)", f"open({str(told)!r}, 'w')"
                                     ".write(str(os.getpid()))"))  # fmt: skip
    # in place: what a script writes on a scratch copy is not to be seen from outside
    options = {
        "record": ["-o", str(tmp_path / "r.whydiff")],
        "explain": ["--in-place"],
        "study": ["--in-place", "--engine", "process", "-o", str(tmp_path / "s.whydiff")],
    }[verb]
    process = started(scratch, verb, script, *options, preexec_fn=heard)
    while not (told.exists() and told.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(timeout=HANGS) == -number
    assert ended(int(told.read_text()))
    assert emptied(scratch)
    for pid in ours(scratch):
        assert ended(pid)
    tally[ENDED, "ended, no process and no folder left"] += 1


#: Goes on whatever Ctrl-C says, and notes each that it heard.
DEAF = """
import os, time
print(os.getpid(), flush=True)
heard = 0
while True:
    try:
        open(f"heard{heard}", "w").write(str(os.getpid()))
        time.sleep(10**7)
    except KeyboardInterrupt:
        heard += 1
"""


@pytest.mark.parametrize("verb", ["record", "explain"])
def test_after_a_second_ctrl_c_no_process_is_left(tmp_path, tally, verb):
    """Each comes once the script has heard the one before, so that none is taken for another."""
    (tmp_path / "train.py").write_text(DEAF)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    options = ["-o", "r.whydiff"] if verb == "record" else ["--in-place"]
    process = started(
        scratch, verb, "train.py", *options,
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    pressed, script = 0, 0
    while process.poll() is None:
        told = tmp_path / f"heard{pressed}"
        assert comes_true(
            lambda told=told: process.poll() is not None or (told.exists() and told.read_text())
        )
        if process.poll() is None:
            script = int(told.read_text())
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everyone in front
            pressed += 1
    process.communicate()
    # One more may strike when Python itself is ending.
    assert pressed >= 2 and process.returncode in (130, -signal.SIGINT)
    assert ended(script) and emptied(scratch) and not ours(scratch)
    tally[ENDED, "ended, no process and no folder left"] += 1
